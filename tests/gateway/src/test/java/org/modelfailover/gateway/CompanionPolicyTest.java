package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.LogCapture;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What the companion policy says holds for the Model Failover policy that comes after it. */
class CompanionPolicyTest extends GatewayTest {
    private static final Path TEMPLATE =
            TestDeployment.modelFailoverTemplate()
                    .resolveSibling("../modelFailoverSettings/modelFailoverSettings_v1.j2")
                    .normalize();

    private ProviderProcess provider;

    @BeforeEach
    void start() {
        provider = provider("target");
    }

    /** The portal stores null for every field that is not filled. */
    private static Map<String, Object> form(String name, Object value) {
        Map<String, Object> form = new HashMap<>();
        String template = PolicyTemplate.render(TEMPLATE, Map.of());
        for (String pair : template.split("settings\" value=\"")[1].split("&amp;")) {
            form.put(pair.substring(0, pair.indexOf('=')), null);
        }
        form.put(name, value);
        return form;
    }

    private static FailoverConfigs configs() {
        return FailoverConfigs.target("gpt-4o", "one");
    }

    @Test
    void aFieldThatIsFilledHolds() {
        deploy(api(provider).policy(TEMPLATE, form("responseHeaders", "false")), configs());

        RawClient.Answer answer = ask(chat("gpt-4o"));

        assertServed(answer);
        assertNull(answer.header("x-failover-model"));
    }

    private static void assertServed(RawClient.Answer answer) {
        assertEquals(200, answer.status(), answer.text());
    }

    @Test
    void anEmptyFormChangesNothing() {
        deploy(api(provider).policy(TEMPLATE, form("http2", "")), configs());

        RawClient.Answer answer = ask(chat("gpt-4o"));

        assertServedBy("target", answer);
        assertNotNull(answer.header("x-failover-model"));
    }

    @Test
    void itGoesBeforeWhatThePolicyHasItselfAndBothBeforeTheGateway() {
        deploy(
                api(provider)
                        .settings("[apim.ai.model_failover]\nmax_request_body = \"100B\"\n")
                        .policy(TEMPLATE, form("maxRequestBody", "300B")),
                configs()
                        .set("maxRequestBody", "150B")
                        .attribute("maxRequestBody", "200B")
                        .attribute("responseHeaders", "false"));

        RawClient.Answer answer = ask(chat("gpt-4o") + " ".repeat(150));

        assertServed(answer);
        assertNull(answer.header("x-failover-model"), "what it does not say is as it was");
        assertEquals(413, ask(chat("gpt-4o") + " ".repeat(300)).status());
    }

    @Test
    void behindThePolicyItHasNoEffect() {
        deploy(
                api(provider)
                        .failover(configs().attributes())
                        .policy(TEMPLATE, form("responseHeaders", "false")));

        assertNotNull(ask(chat("gpt-4o")).header("x-failover-model"));
    }

    @Test
    void aValueThatCanNotBeUsedIsToldAtDeploymentAndToEveryRequest() {
        try (LogCapture log = new LogCapture()) {
            deploy(api(provider).policy(TEMPLATE, form("idleTimeout", "soon")), configs());

            List<String> lines = log.lines("ERROR", "idleTimeout");
            assertEquals(1, lines.size(), log.notable());
            assertTrue(lines.get(0).contains("modelFailoverSettings v1"), lines.get(0));
        }
        RawClient.Answer answer = ask(chat("gpt-4o"));
        assertEquals(500, answer.status());
        assertTrue(answer.text().contains("idleTimeout"), answer.text());
        assertTrue(provider.calls().isEmpty());
    }

    @Test
    void whatItKnowsOfCandidatesIsThatOfThePolicyWithoutIt() {
        ProviderProcess second = provider("second");
        TestDeployment api =
                api(provider, second).policy(TEMPLATE, form("responseHeaders", "false"));
        deploy(
                api,
                FailoverConfigs.target("gpt-4o~status=503", "one")
                        .fallback("mini", "two")
                        .suspendDuration("60"));
        ask(chat("gpt-4o~status=503"));
        ask(chat("gpt-4o~status=503"));

        assertEquals(1, provider.calls().size(), "it is suspended");
        assertEquals(2, second.calls().size());
    }
}
