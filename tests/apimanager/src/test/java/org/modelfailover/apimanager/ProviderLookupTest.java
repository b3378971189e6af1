package org.modelfailover.apimanager;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.modelfailover.executor.Executor;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.LogCapture;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.Until;
import org.wso2.carbon.apimgt.api.LLMProviderConfiguration;
import org.wso2.carbon.apimgt.api.LLMProviderMetadata;
import org.wso2.carbon.apimgt.api.model.LLMProviderInfo;
import org.wso2.carbon.apimgt.gateway.internal.DataHolder;

import java.util.List;

/** The model stands where the API's AI service provider says, for as long as it says so. */
class ProviderLookupTest extends HostGatewayTest {
    private static final AiProvider PROVIDER = AiProvider.ADMIN_DEFINED;

    private LLMProviderInfo original;
    private ProviderProcess one;
    private ProviderProcess two;

    @BeforeEach
    void startProviders() {
        one = provider("one");
        two = provider("two");
        original = DataHolder.getInstance().getLLMProviderConfigurations(PROVIDER.id());
    }

    @AfterEach
    void restoreTheProvider() {
        DataHolder.getInstance().addLLMProviderConfigurations(original);
    }

    private void deployApi() {
        deploy(
                api(PROVIDER).endpoint("one", one.url()).endpoint("two", two.url()),
                FailoverConfigs.target("gpt-a", "one").fallback("gpt-b", "two"));
    }

    /** As when an administrator saves a provider: an event replaces what the gateway knows. */
    private static void redefine(String model) {
        LLMProviderConfiguration configuration = new LLMProviderConfiguration();
        configuration.setConnectorType("default");
        configuration.setMetadata(
                List.of(new LLMProviderMetadata("requestModel", "payload", model, false)));
        LLMProviderInfo info = new LLMProviderInfo();
        info.setId(PROVIDER.id());
        info.setName(PROVIDER.id());
        info.setApiVersion("2.0.0");
        info.setConfigurations(configuration);
        DataHolder.getInstance().updateLLMProviderConfigurations(info);
    }

    /** What the fallback was last asked, or nothing. */
    private String askedOfTheFallback(String body) {
        one.forget();
        two.forget();
        one.set("gpt-a", "status=503");
        ask(body);
        return two.calls().isEmpty() ? "" : two.only().text();
    }

    @Test
    void theModelIsWhereAnAdministratorsProviderSaysItIs() {
        deployApi();

        assertEquals(
                "{\"engine\":{\"name\":\"gpt-b\"}}",
                askedOfTheFallback("{\"engine\":{\"name\":\"gpt-a\"}}"));
    }

    @Test
    void aProviderThatChangesIsFollowedWhileTheApiIsDeployed() {
        String body = "{\"engine\":{\"name\":\"gpt-a\"}}";
        redefine("$.somewhere.else");
        int before = Executor.openPolicies();
        deployApi();
        assertNotEquals("{\"engine\":{\"name\":\"gpt-b\"}}", askedOfTheFallback(body));

        redefine("$.engine.name");

        Until.is(
                "the new place of the model counts",
                () -> askedOfTheFallback(body),
                "{\"engine\":{\"name\":\"gpt-b\"}}"::equals);
        Until.is(
                "what was bound to the old one is closed",
                Executor::openPolicies,
                open -> open == before + 2);
    }

    @Test
    void withoutItsProviderTheModelIsLookedForInTheBody() {
        deployApi();
        askedOfTheFallback(chat("gpt-a"));
        DataHolder.getInstance().removeLLMProviderConfigurations(PROVIDER.id());
        try (LogCapture log = new LogCapture()) {
            Until.is(
                    "the body's model counts",
                    () -> askedOfTheFallback(chat("gpt-a")),
                    chat("gpt-b")::equals);

            List<String> warnings =
                    log.lines("WARN", "does not know the API's AI service provider");
            assertEquals(1, warnings.size(), warnings.toString());
            assertTrue(warnings.get(0).contains("EngineRoom"), warnings.toString());
        }
    }
}
