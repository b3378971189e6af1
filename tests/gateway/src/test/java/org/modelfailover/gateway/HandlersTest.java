package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.gateway.host.ExtensionHandler;
import org.modelfailover.gateway.host.KeyTypeHandler;
import org.modelfailover.kit.AnswerPolicies;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** An answer passes the API's handlers as one of an endpoint would. */
class HandlersTest extends GatewayTest {
    private ProviderProcess provider;

    @BeforeEach
    void providers() {
        provider = provider("target");
        AnswerHandlers.SEEN.clear();
    }

    private TestDeployment withHandlers() {
        return api(provider)
                .handler(AnswerHandlers.First.class.getName(), Map.of())
                .handler(KeyTypeHandler.class.getName(), Map.of())
                .handler(AnswerHandlers.Second.class.getName(), Map.of())
                .handler(ExtensionHandler.class.getName(), Map.of());
    }

    private static String ask(boolean stream, String model) {
        return stream ? streamed(model) : chat(model);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void handlersSeeTheAnswerInTheirOrderWithItsIds(boolean stream) {
        deploy(withHandlers(), FailoverConfigs.target("gpt", "one"));

        RawClient.Answer answer = ask(ask(stream, "gpt"));

        assertServedBy("target", answer);
        String id = AnswerHandlers.SEEN.get(0).substring("request ".length());
        assertEquals(
                List.of("request " + id, "first " + id, "second correlation-1 200 true"),
                AnswerHandlers.SEEN);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatAHandlerAddsForBrowsersReachesTheClient(boolean stream) {
        deploy(withHandlers(), FailoverConfigs.target("gpt", "one"));

        RawClient.Answer answer = ask(ask(stream, "gpt"));

        assertEquals("https://shop.example", answer.header("Access-Control-Allow-Origin"));
    }

    /** The host's fault sequence takes the origin from the property that its handler left. */
    @Test
    void aFaultKnowsWhatAHandlerLeftForBrowsers() {
        deploy(
                withHandlers()
                        .faultPolicy(
                                "<property name=\"Access-Control-Allow-Origin\""
                                    + " expression=\"get-property('Access-Control-Allow-Origin')\""
                                    + " scope=\"transport\"/>"),
                FailoverConfigs.target("gpt~silent", "one").requestTimeout("0.3"));

        RawClient.Answer answer = ask(chat("gpt~silent"));

        assertEquals(504, answer.status(), answer.text());
        assertEquals("https://shop.example", answer.header("Access-Control-Allow-Origin"));
    }

    /** Mediators look for services by it, those of other APIs too: workers are everybody's. */
    @Test
    void workersHaveTheClassLoaderOfTheGateway() {
        AnswerPolicies.AsksForClassLoader.SEEN.clear();
        Thread starting = Thread.currentThread();
        ClassLoader own = starting.getContextClassLoader();
        ClassLoader gateways = new ClassLoader(own) {};
        starting.setContextClassLoader(gateways);
        try {
            deploy(
                    api(provider)
                            .responsePolicy(
                                    AnswerPolicies.xml(AnswerPolicies.AsksForClassLoader.class)),
                    FailoverConfigs.target("gpt", "one"));
        } finally {
            starting.setContextClassLoader(own);
        }

        for (int i = 0; i < 5; i++) {
            assertServedBy("target", ask(ask(i % 2 == 0, "gpt")));
        }

        assertEquals(
                Collections.nCopies(5, Optional.of(gateways)),
                AnswerPolicies.AsksForClassLoader.SEEN);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aResponsePolicyMayChangeTheStatus(boolean stream) {
        deploy(
                api(provider)
                        .responsePolicy(
                                "<property name=\"HTTP_SC\" value=\"203\" scope=\"axis2\"/>"),
                FailoverConfigs.target("gpt", "one"));

        RawClient.Answer answer = ask(ask(stream, "gpt"));

        assertEquals(203, answer.status());
        assertEquals(
                true, content(answer.text()).contains("Provider target served"), answer.text());
    }

    /** An earlier policy's trouble is not the answer's. */
    @Test
    void anAnswerIsNoFailureWhateverWentWrongBefore() {
        ProbePolicy.forget();
        deploy(
                api(provider)
                        .policy("<property name=\"ERROR_CODE\" value=\"303001\"/>")
                        .responsePolicy(ProbePolicy.xml("response")),
                FailoverConfigs.target("gpt", "one"));

        assertServedBy("target", ask(chat("gpt")));

        Map<String, Object> seen = ProbePolicy.SEEN.get(0);
        assertEquals(false, seen.containsKey("ERROR_CODE"), "analytics would call this a fault");
        assertEquals(provider.url(), seen.get("ENDPOINT_ADDRESS"));
        Long.parseLong((String) seen.get("api.ut.backendRequestTime"));
    }
}
