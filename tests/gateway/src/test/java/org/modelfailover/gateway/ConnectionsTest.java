package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.apache.synapse.MessageContext;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.mediators.AbstractMediator;
import org.apache.synapse.transport.passthru.config.SourceConfiguration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.kit.AnswerPolicies;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.ScriptedProvider;
import org.modelfailover.kit.Until;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** How long connections live, the client's and those to the providers. */
class ConnectionsTest extends GatewayTest {
    private static final String STREAM =
            "HTTP/1.1 200 OK\nContent-Type: text/event-stream\nTransfer-Encoding: chunked";

    private ProviderProcess provider;

    @BeforeEach
    void providers() {
        provider = provider("target");
    }

    /** Remembers where the engine counts what its clients' connections are through. */
    public static final class KnowsTheListener extends AbstractMediator {
        private static volatile SourceConfiguration listener;

        @Override
        public boolean mediate(MessageContext synCtx) {
            listener =
                    (SourceConfiguration)
                            ((Axis2MessageContext) synCtx)
                                    .getAxis2MessageContext()
                                    .getProperty("PASS_THROUGH_SOURCE_CONFIGURATION");
            return true;
        }

        @Override
        public boolean isContentAware() {
            return false;
        }
    }

    /**
     * A client of a stream that announces no end, and that breaks off after the client has read its
     * first event.
     */
    private RawClient clientOfABrokenStream(String request) {
        Semaphore read = new Semaphore(0);
        ScriptedProvider provider =
                closing(
                        new ScriptedProvider(
                                (head, body, out) -> {
                                    out.write(ScriptedProvider.head(STREAM));
                                    out.write(ScriptedProvider.chunk("data: one\n\n"));
                                    out.flush();
                                    read.tryAcquire(5, TimeUnit.SECONDS);
                                }));
        deploy(
                api().endpoint("one", provider.url())
                        .policy(AnswerPolicies.xml(KnowsTheListener.class)),
                FailoverConfigs.target("gpt", "one"));
        RawClient client = client().send(request);
        assertEquals(200, client.readHead().status());
        client.readUntil("data: one\n\n");
        read.release();
        return client;
    }

    // Keep-alive

    @ParameterizedTest
    @ValueSource(
            strings = {
                "gpt-4o",
                "gpt-4o~tokens=3000",
                "gpt-4o~tokens=5~interval=50ms",
                "gpt-4o~tokens=5~no-done"
            })
    void afterAStreamBothConnectionsAreUsedAgain(String model) {
        deploy(api(provider), FailoverConfigs.target(model, "one"));
        RawClient client = client();

        for (int i = 0; i < 4; i++) {
            assertServedBy("target", client.post(streamed(model)).answer());
            Until.holds(
                    "the provider has sent all of it",
                    () -> provider.calls().stream().allMatch(call -> call.end() != null));
        }

        assertEquals(1, connections(provider).size(), "connections to the provider");
    }

    private static Set<Integer> connections(ProviderProcess provider) {
        return provider.calls().stream()
                .map(ProviderProcess.Call::connection)
                .collect(Collectors.toSet());
    }

    @ParameterizedTest
    @CsvSource({"status=503, 1", "error-first, 1", "cut=0, 4"})
    void afterARescueBothConnectionsAreUsedAgain(String fault, int failed) {
        ProviderProcess second = provider("second");
        String model = "gpt-4o~" + fault;
        deploy(
                api(provider, second),
                FailoverConfigs.target(model, "one").fallback("claude~tokens=40", "two"));
        RawClient client = client();

        for (int i = 0; i < 4; i++) {
            assertServedBy("second", client.post(streamed(model)).answer());
            Until.holds(
                    "the provider has sent all of it",
                    () -> second.calls().stream().allMatch(call -> call.end() != null));
        }

        assertEquals(1, connections(second).size(), "connections to the one that served");
        assertEquals(failed, connections(provider).size(), "connections to the one that failed");
    }

    @Test
    void afterAStreamThatBrokeOffTheClientsConnectionIsClosed() {
        String body = streamed("gpt");
        RawClient client =
                clientOfABrokenStream(
                        RawClient.head() + "Content-Length: " + body.length() + "\n\n" + body);

        String rest = new String(client.readToEnd());

        assertEquals("\r\n", rest, "there must be no last chunk");
        Until.is(
                "the engine, which counts its open requests too, has seen the answer fail",
                KnowsTheListener.listener.getMetrics()::getFaultsSending,
                count -> count == 1);
    }

    @Test
    void afterAClientHasLeftTheOthersConnectionsWork() {
        String model = "gpt-4o~tokens=30~interval=10ms";
        deploy(api(provider), FailoverConfigs.target(model, "one"));
        RawClient stays = client();
        assertServedBy("target", stays.post(streamed(model)).answer());
        for (int i = 0; i < 3; i++) {
            RawClient leaves = client().post(streamed(model));
            leaves.readHead();
            leaves.readChunksUntil("data:");
            leaves.leave();

            assertServedBy("target", stays.post(streamed(model)).answer());
            assertServedBy("target", ask(streamed(model)));
        }
    }

    // HTTP/1.0

    private static String http10(String body, String connection) {
        return "POST /assistant/1.0.0/chat/completions HTTP/1.0\n"
                + connection
                + "Content-Type: application/json\n"
                + "Content-Length: "
                + body.length()
                + "\n\n"
                + body;
    }

    @ParameterizedTest
    @CsvSource({"false, false", "false, true", "true, false", "true, true"})
    void aClientOfHttp10GetsAnAnswerThatItCanRead(boolean stream, boolean keepAlive) {
        String model = "gpt-4o~tokens=2000";
        deploy(api(provider), FailoverConfigs.target(model, "one"));

        RawClient client =
                client().send(
                                http10(
                                        stream ? streamed(model) : chat(model),
                                        keepAlive ? "Connection: keep-alive\n" : ""));
        RawClient.Head head = client.readHead();

        assertEquals(200, head.status());
        assertFalse(head.chunked(), "HTTP/1.0 knows no chunks");
        assertEquals(
                List.of("close"),
                head.all("Connection").stream().map(String::toLowerCase).toList(),
                "its end is the connection's");
        String answer = new String(client.readToEnd());
        assertTrue(content(answer).contains("Provider target served"), answer);
        assertTrue(answer.endsWith(stream ? "data: [DONE]\n\n" : "}"), answer);
    }

    @Test
    void aClientOfHttp10IsToldOfAStreamThatBrokeOffByAReset() {
        RawClient client = clientOfABrokenStream(http10(streamed("gpt"), ""));

        AssertionError reset = assertThrows(AssertionError.class, client::readToEnd);

        assertTrue(reset.getMessage().contains("was reset"), reset.getMessage());
    }

    // The engine's own time-out

    /** A stream with a pause between its only two words. */
    private ScriptedProvider pausing(int millis) {
        String word =
                "data: {\"choices\":[{\"delta\":{\"content\":\"Provider target served\"}}]}\n\n";
        return closing(
                new ScriptedProvider(
                        (head, body, out) -> {
                            out.write(ScriptedProvider.head(STREAM));
                            out.write(ScriptedProvider.chunk(word));
                            out.flush();
                            Thread.sleep(millis);
                            out.write(ScriptedProvider.chunk(word + "data: [DONE]\n\n"));
                            out.write("0\r\n\r\n".getBytes());
                        }));
    }

    @Test
    void theEnginesTimeOutForSocketsEndsNoAnswerButAnIdleConnection() {
        String steady = "gpt~tokens=14~interval=500ms";
        String late = "gpt~delay=5s";
        System.setProperty("http.socket.timeout", "2000");
        try {
            deploy(
                    api(provider)
                            .endpoint("pausing", pausing(7500).url())
                            .failover(
                                    FailoverConfigs.target(steady, "one")
                                            .attribute("overallTimeout", "1s")
                                            .attributes())
                            .failover(
                                    FailoverConfigs.target(late, "one")
                                            .requestTimeout("20")
                                            .attributes())
                            .failover(
                                    FailoverConfigs.target("pausing", "pausing")
                                            .attribute("overallTimeout", "1s")
                                            .attribute("idleTimeout", "30s")
                                            .attributes()));
        } finally {
            System.clearProperty("http.socket.timeout");
        }
        List<RawClient> clients = new ArrayList<>();
        for (String model : List.of(steady, late, "pausing")) {
            clients.add(client().post(streamed(model)));
        }

        for (RawClient client : clients) {
            RawClient.Answer answer = client.answer();
            assertServedBy("target", answer);
            assertTrue(answer.text().endsWith("data: [DONE]\n\n"), answer.text());
        }
        for (RawClient client : clients) {
            assertTrue(client.isClosed(), "it is in force again between two requests");
        }
    }
}
