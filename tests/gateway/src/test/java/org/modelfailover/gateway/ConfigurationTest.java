package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.LogCapture;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;

import java.util.List;
import java.util.Map;

/** Settings of the gateway and of an API, and configurations that cannot be used. */
class ConfigurationTest extends GatewayTest {
    private ProviderProcess provider;
    private ProviderProcess second;

    @BeforeEach
    void providers() {
        provider = provider("target");
        second = provider("second");
    }

    @Test
    void theGatewaysSettingsApplyFromTheNextDeploymentOn() {
        TestDeployment api = api(provider);
        deploy(
                api.settings(
                        "[apim.ai.model_failover]\n"
                                + "max_request_body = \"200B\"\n"
                                + "response_headers = false\n"),
                FailoverConfigs.target("gpt-4o", "one"));
        RawClient.Answer before = ask(chat("gpt-4o"));
        assertServedBy("target", before);
        assertNull(before.header("x-failover-model"), "response_headers = false");
        assertEquals(413, ask(chat("gpt-4o") + " ".repeat(200)).status());

        gateway.redeploy(
                api(provider)
                        .failover(FailoverConfigs.target("gpt-4o", "one").attributes())
                        .settings("[apim.ai.model_failover]\nmax_request_body = \"1KiB\"\n")
                        .write(folder.resolve("second")));

        RawClient.Answer after = ask(chat("gpt-4o") + " ".repeat(200));
        assertServedBy("target", after);
        assertEquals("gpt-4o", after.header("x-failover-model"));
    }

    @Test
    void anUnknownSettingIsWarnedAboutWithTheNearestName() {
        try (LogCapture log = new LogCapture()) {
            deploy(
                    api(provider)
                            .settings(
                                    "[apim.ai.model_failover]\n"
                                            + "max_request_bodi = \"1\" # "
                                            + folder
                                            + "\n"),
                    FailoverConfigs.target("gpt-4o", "one"));

            List<String> lines = log.lines("WARN", "max_request_bodi");
            assertEquals(1, lines.size(), log.notable());
            assertTrue(lines.get(0).contains("max_request_body"), lines.get(0));
            assertTrue(lines.get(0).contains("deployment.toml"), "which file? " + lines.get(0));
        }
        assertServedBy("target", ask(chat("gpt-4o")));
    }

    @Test
    void anApisOwnAttributeWinsOverTheGatewaysSetting() {
        deploy(
                api(provider).settings("[apim.ai.model_failover]\nresponse_headers = false\n"),
                FailoverConfigs.target("gpt-4o", "one").attribute("responseHeaders", "true"));

        assertEquals("gpt-4o", ask(chat("gpt-4o")).header("x-failover-model"));
    }

    // Configurations that cannot be used

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"production\":{\"targetModel\":{\"model\":\"m\",\"endpointId\":\"\"}}} |"
                        + " endpointId",
                "{\"production\":{\"targetModel\":{\"endpointId\":\"one\"}}} | model",
                "{\"production\":{\"targetModel\":{\"model\":\"m\",\"endpointId\":\"one\"}},"
                        + "\"requestTimeout\":\"-1\"} | requestTimeout",
                "{\"production\":{\"targetModel\":{\"model\":\"m\",\"endpointId\":\"one\"}},"
                        + "\"suspendDuration\":\"often\"} | suspendDuration",
                "{\"production\":{\"targetModel\":{\"model\":\"m\",\"endpointId\":\"one\"}},"
                        + "\"requestTimeout\":\"25h\"} | requestTimeout",
                "{\"production\": | production",
                "nonsense | failoverConfigs",
                "[] | failoverConfigs",
                "`` | failoverConfigs"
            })
    void aConfigurationThatCannotBeUsedIsSaidAtDeploymentAndToEveryCaller(
            String configs, String field) {
        TestDeployment api = api(provider);
        List<String> lines;
        try (LogCapture log = new LogCapture()) {
            deploy(api.failover(Map.of("failoverConfigs", TestDeployment.asPortal(configs))));
            lines = log.lines("ERROR", field);
            assertEquals(1, lines.size(), "one line should name " + field + ": " + log.notable());
        }

        for (String model : List.of("m", "another-model")) {
            RawClient.Answer answer = ask(chat(model));
            assertEquals(500, answer.status(), answer.text());
            String description =
                    JsonParser.parseString(answer.text())
                            .getAsJsonObject()
                            .get("description")
                            .getAsString();
            assertTrue(description.contains(field), "the field should be named: " + description);
        }
        assertEquals(List.of(), provider.calls(), "it never becomes \"no failover, silently\"");
        assertTrue(lines.get(0).contains("modelFailover"), "which policy? " + lines.get(0));
    }

    @Test
    void theLineAboutABadConfigurationNamesApiAndVersion() {
        TestDeployment api =
                TestDeployment.api("SomeAPI", "2.7.1", "/assistant/1.0.0")
                        .endpoint("one", provider.url());
        try (LogCapture log = new LogCapture()) {
            deploy(api.failover(Map.of("failoverConfigs", "nonsense")));

            String line = log.lines("ERROR", "failoverConfigs").get(0);
            assertTrue(
                    line.contains("SomeAPI") && line.contains("2.7.1"),
                    "an operator has to know whose configuration it is: " + line);
        }
    }

    @Test
    void aHalfFilledFallbackIsLeftOutWithAnErrorLineAndTheTargetWorks() {
        try (LogCapture log = new LogCapture()) {
            deploy(
                    api(provider, second),
                    FailoverConfigs.target("gpt~status=503", "one")
                            .fallback("half", "")
                            .fallback("claude", "two"));
            List<String> lines = log.lines("ERROR", "fallbackModels");
            assertEquals(1, lines.size(), log.notable());
            assertTrue(
                    lines.get(0).contains("fallbackModels[0]")
                            || lines.get(0).contains("fallbackModels row 1"),
                    "which row? " + lines.get(0));
        }

        assertServedBy("second", ask(chat("gpt~status=503")));
        assertEquals(1, provider.calls().size());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"it's", "a&b", "a<b>", "100%", "a+b", "{{ 1 }}", "c:\\\\d", "a=b~tokens=3"})
    void namesSurviveTheWholeWayFromTheEditor(String model) {
        String plain = model.replace("\\\\", "\\");
        deploy(api(provider), FailoverConfigs.target(plain, "one"));

        RawClient.Answer answer = ask(chat(model));

        assertEquals(200, answer.status(), answer.text());
        assertEquals(plain, answer.header("x-failover-model"));
    }
}
