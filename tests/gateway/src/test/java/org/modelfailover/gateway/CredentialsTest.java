package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.apache.http.nio.NHttpServerConnection;
import org.apache.synapse.Mediator;
import org.apache.synapse.MessageContext;
import org.apache.synapse.SynapseException;
import org.apache.synapse.config.SynapseConfiguration;
import org.apache.synapse.config.xml.SwitchCase;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.mediators.AbstractMediator;
import org.apache.synapse.mediators.ListMediator;
import org.apache.synapse.mediators.base.SequenceMediator;
import org.apache.synapse.mediators.filters.FilterMediator;
import org.apache.synapse.mediators.filters.SwitchMediator;
import org.apache.synapse.rest.Handler;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.gateway.host.ExtensionHandler;
import org.modelfailover.gateway.host.KeyTypeHandler;
import org.modelfailover.kit.Client;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.LogCapture;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.Until;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiPredicate;
import java.util.stream.Stream;

/**
 * A credential reaches the one that it was meant for, and nobody else: no other provider, no
 * client, no log.
 */
class CredentialsTest extends GatewayTest {
    private static final String CALLERS = "Bearer sk-secret-of-the-caller";
    private static final List<String> NAMES = List.of("bearer", "header", "query");
    private static final Map<String, String> SECRETS =
            Map.of(
                    "bearer", "sk-secret-bearer",
                    "header", "sk-secret-header",
                    "query", "sk-secret-query");

    private LogCapture log;

    @BeforeEach
    void listenToEverything() {
        log = new LogCapture();
    }

    @AfterEach
    void noSecretWasLogged() {
        log.close();
        for (String secret : List.of("sk-secret", GATEWAY_KEY)) {
            assertFalse(
                    log.text().contains(secret), () -> "a credential was logged: " + log.text());
        }
    }

    /** One endpoint for each way to carry a key, and one without. */
    private TestDeployment endpoints() {
        return api().endpoint("bearer", provider("bearer").url())
                .headerKey("Authorization", "Bearer " + SECRETS.get("bearer"))
                .endpoint("header", provider("header").url())
                .headerKey("x-api-key", SECRETS.get("header"))
                .endpoint("query", provider("query").url())
                .queryKey("key", SECRETS.get("query"))
                .endpoint("open", provider("open").url());
    }

    private static void assertCarries(ProviderProcess.Call call, String name) {
        String all = call.log().toString();
        switch (name) {
            case "bearer" ->
                    assertEquals(
                            List.of("Bearer " + SECRETS.get(name)), call.headers("Authorization"));
            case "header" -> assertEquals(List.of(SECRETS.get(name)), call.headers("x-api-key"));
            case "query" ->
                    assertTrue(call.path().endsWith("key=" + SECRETS.get(name)), call.path());
            default ->
                    assertEquals(
                            List.of(CALLERS),
                            call.headers("Authorization"),
                            "without a key of its own it gets the caller's");
        }
        for (String other : NAMES) {
            if (!other.equals(name)) {
                assertFalse(
                        all.contains(SECRETS.get(other)),
                        "the provider " + name + " was sent the key of " + other + ": " + all);
            }
        }
        if (!name.equals("open")) {
            assertFalse(
                    all.contains("sk-secret-of-the-caller"),
                    "the provider " + name + " was sent the caller's credential: " + all);
        }
        assertFalse(all.contains(GATEWAY_KEY), "the gateway's own key left the gateway: " + all);
        assertEquals(List.of(), call.headers("ApiKey"));
    }

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

    /** In the place of an endpoint's mediator, where the sequences of both key types have it. */
    private void replaceMediator(String endpoint, Mediator by) {
        SynapseConfiguration configuration = gateway.synapseConfiguration();
        configuration
                .getDefinedSequences()
                .forEach(
                        (name, sequence) -> {
                            ListMediator found = caseOf(sequence, endpoint);
                            if (found != null) {
                                found.getList().set(0, by);
                                configuration.updateSequence(name, again(sequence));
                            }
                        });
    }

    /** As a deployment makes it: what was found in the one before counts no longer. */
    private static SequenceMediator again(SequenceMediator sequence) {
        SequenceMediator again = new SequenceMediator();
        again.setName(sequence.getName());
        again.addAll(sequence.getList());
        return again;
    }

    private static ListMediator caseOf(Mediator in, String endpoint) {
        if (in instanceof SwitchMediator) {
            return ((SwitchMediator) in)
                    .getCases().stream()
                            .filter(one -> one.getRegex().pattern().equals(endpoint))
                            .map(SwitchCase::getCaseMediator)
                            .findAny()
                            .orElse(null);
        }
        List<Mediator> children =
                in instanceof FilterMediator
                        ? List.of(((FilterMediator) in).getElseMediator())
                        : in instanceof ListMediator ? ((ListMediator) in).getList() : List.of();
        return children.stream()
                .map(child -> caseOf(child, endpoint))
                .filter(Objects::nonNull)
                .findAny()
                .orElse(null);
    }

    /** Stands in front of the policy and knows the client's connection. */
    public static final class NotesConnection extends AbstractMediator {
        private static volatile NHttpServerConnection connection;

        @Override
        public boolean mediate(MessageContext synCtx) {
            connection =
                    (NHttpServerConnection)
                            ((Axis2MessageContext) synCtx)
                                    .getAxis2MessageContext()
                                    .getProperty("pass-through.Source-Connection");
            return true;
        }

        @Override
        public boolean isContentAware() {
            return false;
        }
    }

    @Test
    void aClientThatLeavesBeforeItsCallHasBegunIsNoError() {
        deploy(
                endpoints().policy("<class name=\"" + NotesConnection.class.getName() + "\"/>"),
                FailoverConfigs.target("a", "bearer"));
        replaceMediator(
                "bearer",
                acting(
                        (headers, synCtx) -> {
                            try {
                                NotesConnection.connection.shutdown();
                            } catch (IOException e) {
                                throw new AssertionError(e);
                            }
                            assertNoCallIsOpen();
                            headers.put("Authorization", "Bearer sk-secret-bearer");
                            return true;
                        }));

        assertTrue(client().post(chat("a")).isClosed());

        Until.is(
                "one line for who looks for it",
                () -> log.lines("DEBUG", "The client left"),
                lines -> !lines.isEmpty());
        assertEquals(List.of(), log.lines("ERROR", ""), log::text);
        assertEquals(List.of(), running("bearer").calls());
    }

    static Stream<Arguments> mediatorsThatPutNoCredentialsIn() {
        return Stream.of(
                mediator("that says no", (headers, synCtx) -> false),
                mediator("that does nothing", (headers, synCtx) -> true),
                mediator(
                        "that throws",
                        (headers, synCtx) -> {
                            throw new SynapseException("no token");
                        }),
                mediator(
                        "that fails badly",
                        (headers, synCtx) -> {
                            throw new AssertionError("no token");
                        }),
                mediator(
                        "that takes all headers away",
                        (headers, synCtx) -> {
                            headers.put("Authorization", "Bearer sk-secret-bearer");
                            ((Axis2MessageContext) synCtx)
                                    .getAxis2MessageContext()
                                    .removeProperty("TRANSPORT_HEADERS");
                            return true;
                        }),
                mediator(
                        "whose key ends in a line end",
                        (headers, synCtx) -> {
                            headers.put("Authorization", "Bearer sk-secret-bearer\n");
                            return true;
                        }),
                mediator(
                        "whose key no header can hold",
                        (headers, synCtx) -> {
                            headers.put("Authorization", "Bearer sk-secret-\u2026");
                            return true;
                        }));
    }

    private static Arguments mediator(
            String name, BiPredicate<Map<String, String>, MessageContext> mediation) {
        return Arguments.of(Named.of(name, acting(mediation)));
    }

    private static Mediator acting(BiPredicate<Map<String, String>, MessageContext> mediation) {
        return new AbstractMediator() {
            @Override
            @SuppressWarnings("unchecked")
            public boolean mediate(MessageContext synCtx) {
                Object headers =
                        ((Axis2MessageContext) synCtx)
                                .getAxis2MessageContext()
                                .getProperty("TRANSPORT_HEADERS");
                return mediation.test((Map<String, String>) headers, synCtx);
            }

            @Override
            public boolean isContentAware() {
                return false;
            }
        };
    }

    @ParameterizedTest
    @MethodSource("mediatorsThatPutNoCredentialsIn")
    void nothingIsSentWithoutTheEndpointsCredentials(Mediator mediator) {
        deploy(
                endpoints(),
                FailoverConfigs.target("a", "bearer").fallback("b", "header").requestTimeout("5"));
        replaceMediator("bearer", mediator);

        for (int i = 0; i < 2; i++) {
            assertServedBy("header", ask(chat("a"), "Authorization", CALLERS));
        }

        assertEquals(List.of(), running("bearer").calls());
        assertEquals(2, log.lines("ERROR", "at the endpoint bearer").size(), log::text);
        running("header").calls().forEach(call -> assertCarries(call, "header"));
    }
}
