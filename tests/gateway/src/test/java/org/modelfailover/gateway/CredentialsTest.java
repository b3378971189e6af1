package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.apache.synapse.MessageContext;
import org.apache.synapse.rest.Handler;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.gateway.host.ExtensionHandler;
import org.modelfailover.gateway.host.KeyTypeHandler;
import org.modelfailover.kit.Client;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.RawClient;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A credential reaches the one that it was meant for, and nobody else: no other provider, no
 * client, no log.
 */
class CredentialsTest extends Credentials {
    @ParameterizedTest
    @ValueSource(strings = {"bearer", "header", "query", "open"})
    void anEndpointIsGivenItsOwnKeyAndNothingElse(String name) {
        deploy(endpoints(), FailoverConfigs.target("gpt-4o", name));

        RawClient.Answer answer =
                ask(chat("gpt-4o"), "ApiKey", GATEWAY_KEY, "Authorization", CALLERS);

        assertServedBy(name, answer);
        assertCarries(running(name).only(), name);
    }

    static Stream<Arguments> permutationsAndFaults() {
        List<List<String>> faults =
                List.of(
                        List.of("status=503", "reset"),
                        List.of("silent", "status=401"),
                        List.of("close", "error-200"),
                        List.of("cut=0", "headers-then-silence"));
        Stream.Builder<Arguments> all = Stream.builder();
        int turn = 0;
        for (String first : NAMES) {
            for (String second : NAMES) {
                for (String third : NAMES) {
                    if (!first.equals(second) && !second.equals(third) && !first.equals(third)) {
                        for (boolean stream : new boolean[] {false, true}) {
                            List<String> two = faults.get(turn++ % faults.size());
                            all.add(
                                    Arguments.of(
                                            List.of(first, second, third),
                                            two.get(0),
                                            two.get(1),
                                            stream));
                        }
                    }
                }
            }
        }
        return all.build();
    }

    @ParameterizedTest(name = "{0}, the first {1}, the second {2}, streamed: {3}")
    @MethodSource("permutationsAndFaults")
    void candidatesNeverSeeEachOthersKeys(
            List<String> order, String firstFault, String secondFault, boolean stream) {
        String first = "a~" + firstFault;
        deploy(
                endpoints(),
                FailoverConfigs.target(first, order.get(0))
                        .fallback("b~" + secondFault, order.get(1))
                        .fallback("c", order.get(2))
                        .requestTimeout("0.4"));

        RawClient.Answer answer =
                ask(
                        stream ? streamed(first) : chat(first),
                        "ApiKey",
                        GATEWAY_KEY,
                        "Authorization",
                        CALLERS,
                        "x-goog-api-key",
                        "sk-secret-of-the-caller",
                        "Cookie",
                        "session=sk-secret-of-the-caller");

        assertServedBy(order.get(2), answer);
        for (String name : order) {
            assertCarries(running(name).only(), name);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anEndpointWithoutAKeyIsNotGivenAnotherCandidatesKey(boolean openFirst) {
        String model = "gpt~status=503";
        deploy(
                endpoints(),
                openFirst
                        ? FailoverConfigs.target(model, "open").fallback("b", "bearer")
                        : FailoverConfigs.target(model, "bearer").fallback("b", "open"));

        ask(chat(model), "ApiKey", GATEWAY_KEY, "Authorization", CALLERS);

        assertCarries(running("open").only(), "open");
        assertCarries(running("bearer").only(), "bearer");
    }

    @Test
    void aRepeatedAuthorizationOfTheCallerDoesNotSlipThrough() {
        deploy(
                endpoints(),
                FailoverConfigs.target("a~status=503", "bearer")
                        .fallback("b~status=503", "header")
                        .fallback("c", "query"));

        ask(
                chat("a~status=503"),
                "Authorization",
                CALLERS,
                "Authorization",
                CALLERS + "-again",
                "authorization",
                CALLERS + "-in-lower-case",
                "X-API-Key",
                "sk-secret-of-the-caller",
                "x-api-key",
                "sk-secret-of-the-caller");

        for (String name : NAMES) {
            assertCarries(running(name).only(), name);
        }
    }

    @Test
    void aRepeatedKeyOfTheGatewayStaysInTheGateway() {
        deploy(endpoints(), FailoverConfigs.target("gpt-4o", "open"));

        ask(
                chat("gpt-4o"),
                "ApiKey",
                GATEWAY_KEY,
                "APIKEY",
                GATEWAY_KEY,
                "Authorization",
                CALLERS,
                "Internal-Key",
                GATEWAY_KEY,
                "Proxy-Authorization",
                "Basic " + GATEWAY_KEY);

        assertCarries(running("open").only(), "open");
    }

    @Test
    void theCallersQueryDoesNotStandInForTheEndpointsKey() {
        deploy(endpoints(), FailoverConfigs.target("gpt-4o", "query"));
        String body = chat("gpt-4o");

        client().send(
                        "POST /assistant/1.0.0/chat/completions?a=1&key=mine HTTP/1.1\n"
                                + "Host: gateway\nContent-Type: application/json\n"
                                + "Content-Length: "
                                + body.length()
                                + "\n\n"
                                + body)
                .answer();

        String path = running("query").only().path();
        assertTrue(path.startsWith("/v1/chat/completions?a=1"), path);
        assertTrue(path.contains("key=" + SECRETS.get("query")), path);
        assertFalse(path.contains("key=mine"), "whose key would the provider take? " + path);
    }

    @Test
    void noCredentialIsInAnErrorAnswer() {
        deploy(
                api().endpoint("refusing", Client.refusingUrl())
                        .headerKey("Authorization", "Bearer " + SECRETS.get("bearer"))
                        .endpoint("query", Client.refusingUrl())
                        .queryKey("key", SECRETS.get("query")),
                FailoverConfigs.target("gpt", "refusing").fallback("b", "query"));

        for (String request : List.of(chat("gpt"), streamed("gpt"))) {
            RawClient.Answer answer = ask(request, "ApiKey", GATEWAY_KEY, "Authorization", CALLERS);
            assertEquals(502, answer.status());
            String all = answer.text();
            for (String[] header : answer.head().headers()) {
                all += "\n" + header[0] + ": " + header[1];
            }
            assertFalse(all.contains("sk-secret") || all.contains(GATEWAY_KEY), all);
        }
    }

    @Test
    void theCallersHeadersAreNotSentBack() {
        deploy(endpoints(), FailoverConfigs.target("gpt~close", "open"));

        RawClient.Answer answer =
                ask(chat("gpt~close"), "Authorization", CALLERS, "X-Private", "private");

        assertEquals(null, answer.header("X-Private"));
        assertEquals(null, answer.header("Authorization"));
    }

    @Test
    void aRefusedKeyOfTheCallerGoesBackToTheCallerAndOneOfTheEndpointGoesOn() {
        deploy(
                endpoints()
                        .failover(
                                FailoverConfigs.target("a~status=401", "open")
                                        .fallback("c", "bearer")
                                        .attributes())
                        .failover(
                                FailoverConfigs.target("b~status=401", "bearer")
                                        .fallback("c", "open")
                                        .attributes()));

        assertEquals(401, ask(chat("a~status=401"), "Authorization", CALLERS).status());
        assertServedBy("open", ask(chat("b~status=401"), "Authorization", CALLERS));
    }

    @ParameterizedTest
    @ValueSource(strings = {"a=1;key=mine", "a=|", "a={b}&c=\"d\"", "a=%zz", "a=1#x", "a=[b]^c`d"})
    void theEndpointsKeyIsPutInWhateverQueryTheCallerSends(String query) {
        deploy(endpoints(), FailoverConfigs.target("gpt-4o", "query"));

        assertServedBy("query", askAt("/chat/completions?" + query, chat("gpt-4o")));

        String path = running("query").only().path();
        assertTrue(path.matches(".*[?&]key=" + SECRETS.get("query") + "(&.*)?"), path);
        assertFalse(
                path.matches(".*[?&;]key=mine.*"), "whose key would the provider take? " + path);
    }

    @Test
    void theGatewaysKeyInTheQueryStaysInTheGateway() {
        deploy(endpoints(), FailoverConfigs.target("gpt-4o", "open"));

        askAt(
                "/chat/completions?ApiKey=" + GATEWAY_KEY + "&a=1&apikey=" + GATEWAY_KEY,
                chat("gpt-4o"));

        assertEquals("/v1/chat/completions?a=1", running("open").only().path());
    }

    private RawClient.Answer askAt(String path, String body, String... headers) {
        return client().send(
                        RawClient.head(headers).replace("/chat/completions", path)
                                + "Content-Length: "
                                + body.length()
                                + "\n\n"
                                + body)
                .answer();
    }

    /** Reads no credentials, but says in which headers it would, as API Manager's handler does. */
    public static final class AuthenticationHandler implements Handler {
        public String getAuthorizationHeader() {
            return "X-Gateway-Token";
        }

        public String getApiKeyHeader() {
            return "X-Gateway-Key";
        }

        @Override
        public boolean handleRequest(MessageContext synCtx) {
            return true;
        }

        @Override
        public boolean handleResponse(MessageContext synCtx) {
            return true;
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"bearer", "open"})
    void headersThatTheApiReadsItsOwnCredentialsFromStayInTheGateway(String endpoint) {
        deploy(
                endpoints()
                        .handler(KeyTypeHandler.class.getName(), Map.of())
                        .handler(AuthenticationHandler.class.getName(), Map.of())
                        .handler(ExtensionHandler.class.getName(), Map.of()),
                FailoverConfigs.target("gpt-4o", endpoint));

        ask(
                chat("gpt-4o"),
                "X-Gateway-Token",
                "Bearer " + GATEWAY_KEY,
                "x-gateway-token",
                GATEWAY_KEY,
                "X-GATEWAY-KEY",
                GATEWAY_KEY,
                "Authorization",
                CALLERS);

        assertCarries(running(endpoint).only(), endpoint);
    }
}
