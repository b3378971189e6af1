package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.ScriptedProvider;
import org.modelfailover.kit.ThisProcess;
import org.modelfailover.kit.Until;

import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Streamed answers pass through as they come, hold no thread, and never end as if they were whole
 * when they are not.
 */
class StreamsTest extends GatewayTest {
    private static final String STREAM =
            "HTTP/1.1 200 OK\nContent-Type: text/event-stream; charset=utf-8\n"
                    + "Transfer-Encoding: chunked";

    private ProviderProcess provider;

    @BeforeEach
    void providers() {
        provider = provider("target");
    }

    private void deployFor(ScriptedProvider scripted) {
        closing(scripted);
        deploy(api().endpoint("one", scripted.url()), FailoverConfigs.target("gpt-4o", "one"));
    }

    private static String event(String text) {
        return "data:"
                + " {\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,"
                + "\"delta\":{\"content\":\""
                + text
                + "\"},\"finish_reason\":null}]}\n\n";
    }

    @Test
    void everyEventArrivesBeforeTheNextOneIsSent() {
        Semaphore read = new Semaphore(0);
        int events = 20;
        deployFor(
                new ScriptedProvider(
                        (head, body, out) -> {
                            out.write(ScriptedProvider.head(STREAM));
                            for (int i = 0; i < events; i++) {
                                out.write(ScriptedProvider.chunk(event("word-" + i)));
                                out.flush();
                                if (!read.tryAcquire(5, TimeUnit.SECONDS)) {
                                    return;
                                }
                            }
                            out.write(ScriptedProvider.chunk("data: [DONE]\n\n"));
                            out.write("0\r\n\r\n".getBytes());
                        }));
        RawClient client = client().post(streamed("gpt-4o"));

        RawClient.Head head = client.readHead();
        assertEquals("text/event-stream; charset=utf-8", head.header("Content-Type"));
        for (int i = 0; i < events; i++) {
            client.readChunksUntil("word-" + i);
            read.release();
        }
        client.readChunksUntil("[DONE]");
        assertNull(client.readChunk(), "nothing comes after [DONE]");
    }

    @Test
    void aWholeStreamIsTheProvidersByteForByte() {
        StringBuilder sent = new StringBuilder(": hello\n\nevent: x\ndata: {\"error\":null}\n\n");
        for (int i = 0; i < 2000; i++) {
            sent.append(event("wörd-" + i)).append(i % 7 == 0 ? ": ping\n\n" : "");
        }
        sent.append("data: [DONE]\n\n");
        deployFor(
                new ScriptedProvider(
                        (head, body, out) -> {
                            out.write(ScriptedProvider.head(STREAM));
                            // Cut anywhere, also within characters and events.
                            for (int at = 0; at < sent.length(); at += 777) {
                                out.write(
                                        ScriptedProvider.chunk(
                                                sent.substring(
                                                        at, Math.min(sent.length(), at + 777))));
                            }
                            out.write("0\r\n\r\n".getBytes());
                        }));

        assertEquals(sent.toString(), ask(streamed("gpt-4o")).text());
    }

    @Test
    void twoHundredStreamsHoldNoWorker() {
        String model = "gpt~tokens=5~stall=2";
        deploy(api(provider), FailoverConfigs.target(model, "one").requestTimeout("30"));
        RawClient[] clients = new RawClient[200];
        for (int i = 0; i < clients.length; i++) {
            clients[i] = client().post(streamed(model));
        }
        for (RawClient client : clients) {
            client.readHead();
            client.readChunksUntil("Provider");
        }

        Until.is(
                "no worker is busy while 200 streams are open",
                ThisProcess::busyWorkers,
                List::isEmpty);
        assertTrue(
                executorThreads() <= Runtime.getRuntime().availableProcessors() + 1,
                "the executor should not have a thread for each stream: " + executorThreads());
        for (RawClient client : clients) {
            client.leave();
        }
        Until.holds(
                "every stream at the provider is cancelled",
                () -> provider.calls().stream().allMatch(ProviderProcess.Call::clientLeft));
    }

    private static long executorThreads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals("model-failover"))
                .count();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "gpt~tokens=9~cut=1",
                "gpt~tokens=9~cut=5",
                "gpt~tokens=9~stall=1",
                "gpt~tokens=9~stall=4~pings",
                "gpt~tokens=9~error-after=2"
            })
    void aStreamThatBreaksEndsWithAnErrorAndWithoutItsSuccessMarker(String model) {
        deploy(
                api(provider),
                FailoverConfigs.target(model, "one")
                        .attribute("onStreamCut", "error")
                        .attribute("idleTimeout", "300ms"));

        RawClient.Answer answer = ask(streamed(model));

        assertEquals(200, answer.status());
        List<String> events = events(answer.text());
        assertTrue(
                events.get(events.size() - 1).startsWith("{\"error\":"),
                "the last event should be an error: " + answer.text());
        assertFalse(
                answer.text().contains("[DONE]"),
                "a client must not take this for a whole answer: " + answer.text());
        assertTrue(answer.text().contains("Provider"), "what came before the break is delivered");
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt~tokens=9~no-done", "gpt~tokens=9~bad-chunk=3", "gpt~tokens=3"})
    void aStreamThatOnlyLooksOddIsWhole(String model) {
        deploy(api(provider), FailoverConfigs.target(model, "one"));

        RawClient.Answer answer = ask(streamed(model));

        assertFalse(answer.text().contains("{\"error\":"), answer.text());
        assertTrue(answer.text().contains("\"finish_reason\":\"stop\""), answer.text());
    }

    @ParameterizedTest
    @CsvSource({
        "status=503",
        "reset",
        "error-first",
        "done-only",
        "cut=0",
        "role-only-then-silence",
        "silent",
        "pings~role-only-then-silence",
        "empty",
        "error-200",
        "headers-then-silence",
        "close"
    })
    void aStreamWithoutAUsefulChunkGoesOnToTheNextCandidateUnseen(String fault) {
        ProviderProcess second = provider("second");
        deploy(
                api(provider, second),
                FailoverConfigs.target("gpt~" + fault, "one")
                        .fallback("claude~tokens=30", "two")
                        .requestTimeout("0.4"));

        RawClient.Answer answer = ask(streamed("gpt~" + fault));

        assertServedBy("second", answer);
        assertEquals("2", answer.header("x-failover-attempts"));
        assertFalse(
                answer.text().contains("gpt"), "nothing of the first is seen: " + answer.text());
        assertTrue(answer.text().endsWith("data: [DONE]\n\n"), answer.text());
    }

    @Test
    void aSlowStreamIsNotCutByTheRequestTimeout() {
        String model = "gpt~tokens=12~interval=100ms";
        deploy(api(provider), FailoverConfigs.target(model, "one").requestTimeout("0.5"));

        RawClient.Answer answer = ask(streamed(model));

        assertTrue(answer.text().endsWith("data: [DONE]\n\n"), answer.text());
    }
}
