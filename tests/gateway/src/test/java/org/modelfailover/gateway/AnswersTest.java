package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.ScriptedProvider;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;

/** What the client gets of a provider's answer, whole or not at all, and who served. */
class AnswersTest extends GatewayTest {
    private static final String OK = "HTTP/1.1 200 OK\nContent-Type: application/json\n";

    private ProviderProcess provider;

    @BeforeEach
    void providers() {
        provider = provider("target");
    }

    private void deployFor(String model) {
        deploy(api(provider), FailoverConfigs.target(model, "one"));
    }

    private void deployFor(ScriptedProvider scripted) {
        closing(scripted);
        deploy(
                api().endpoint("one", scripted.url()).headerKey("x-api-key", "sk-one"),
                FailoverConfigs.target("gpt-4o", "one"));
    }

    @ParameterizedTest
    @CsvSource({"101, ''", "101, 'x'", "199, ''", "600, ''", "600, 'no'", "999, '{\"error\":{}}'"})
    void aFinalStatusThatHttpDoesNotKnowIsA502(int status, String body) {
        String head =
                "HTTP/1.1 "
                        + status
                        + " Whatever\nContent-Type: application/json\nContent-Length: "
                        + body.length();
        deployFor(ScriptedProvider.always(head, body.getBytes()));
        RawClient client = client();

        RawClient.Answer answer = client.post(chat("gpt-4o")).answer();

        assertEquals(502, answer.status(), answer.text());
        assertFalse(answer.text().isEmpty(), "an answer that says something");
    }

    /** Every way in which a stream that nobody asked for can end before its end. */
    private static final String EVENTS =
            "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,"
                    + "\"delta\":{\"content\":\"half a\"},\"finish_reason\":null}]}\n\n";

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Content-Length: 5000",
                "Transfer-Encoding: chunked",
                "Transfer-Encoding: chunked, ended",
                "Connection: close",
                "Connection: close, torn",
                "Connection: close, untyped",
                "Connection: close, as text",
                "Connection: close, as JSON",
            })
    void aCallerWhoAskedForNoStreamIsNeverShownAPart(String framing) {
        String type =
                framing.endsWith("untyped")
                        ? ""
                        : framing.endsWith("as text")
                                ? "Content-Type: text/plain\n"
                                : framing.endsWith("as JSON")
                                        ? "Content-Type: application/json\n"
                                        : "Content-Type: text/event-stream\n";
        String head = "HTTP/1.1 200 OK\n" + type + framing.split(",")[0];
        deployFor(
                new ScriptedProvider(
                        (requestHead, body, out) -> {
                            out.write(ScriptedProvider.head(head));
                            String text =
                                    framing.endsWith("torn")
                                            ? EVENTS + EVENTS.substring(0, 40)
                                            : EVENTS;
                            if (framing.contains("chunked")) {
                                out.write(ScriptedProvider.chunk(text));
                            } else {
                                out.write(text.getBytes());
                            }
                            if (framing.endsWith("ended")) {
                                out.write(ScriptedProvider.chunk(""));
                            }
                        }));

        RawClient.Answer answer = ask(chat("gpt-4o"));

        assertEquals(502, answer.status(), answer.text());
        assertFalse(answer.text().contains("half a"), answer.text());
    }

    @ParameterizedTest
    @CsvSource({
        "200, '{\"choices\":[{\"index\":0}]}'",
        "201, '{\"a\": 1.0e1 }'",
        "400, '{\"error\":{\"message\":\"no\"}}'",
        "404, '<html>not here</html>'",
        "418, 'a teapot'",
        "422, ''",
        "400, ''",
        "500, ''",
        "503, 'busy'",
        "529, '{\"error\":{}}'"
    })
    void statusHeadersAndBodyAreTheProvidersOwn(int status, String body) {
        String lines =
                "HTTP/1.1 "
                        + status
                        + " Whatever\n"
                        + "Content-Type: application/json; charset=utf-8; profile=\"a b\"\n"
                        + "X-Request-Id: req-1\n"
                        + "Retry-After: 7\n"
                        + "Set-Cookie: a=1; Path=/\n"
                        + "Set-Cookie: b=2; Path=/\n"
                        + "Keep-Alive: timeout=5\n"
                        + "Proxy-Authenticate: Basic\n"
                        + "Content-Length: "
                        + body.length();
        deployFor(ScriptedProvider.always(lines, body.getBytes()));

        RawClient.Answer answer = ask(chat("gpt-4o"));

        assertEquals(status, answer.status(), answer.text());
        assertEquals(body, answer.text());
        assertEquals(
                "application/json; charset=utf-8; profile=\"a b\"", answer.header("Content-Type"));
        assertEquals("req-1", answer.header("X-Request-Id"));
        assertEquals("7", answer.header("Retry-After"));
        assertEquals(
                Set.of("a=1; Path=/", "b=2; Path=/"), Set.copyOf(answer.head().all("Set-Cookie")));
        assertNull(answer.header("Keep-Alive"), "belongs to the connection to the provider");
        assertNull(
                answer.header("Proxy-Authenticate"), "belongs to the connection to the provider");
        Set<String> names = new TreeSet<>();
        answer.head().headers().forEach(h -> names.add(h[0].toLowerCase(Locale.ROOT)));
        assertEquals(
                answer.head().headers().size() - 1,
                names.size(),
                "no header but Set-Cookie comes twice");
    }

    /** Synapse 3.0.1 itself frames the nothing behind a 204 as chunks, without a policy too. */
    @Test
    void a204HasNoBodyAndTheConnectionGoesOn() {
        deployFor(ScriptedProvider.always("HTTP/1.1 204 No Content\nX-A: b", new byte[0]));
        RawClient client = client();

        for (int i = 0; i < 3; i++) {
            RawClient.Answer answer = client.post(chat("gpt-4o")).answer();
            assertEquals(204, answer.status());
            assertEquals("b", answer.header("X-A"));
            assertEquals("", answer.text());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 8_191, 8_192, 8_193, 16_384, 16_385, 100_000, 1 << 20})
    void bodiesOfEverySizeArriveWhole(int size) {
        byte[] body = binary(size);
        deployFor(
                ScriptedProvider.always(
                        "HTTP/1.1 200 OK\nContent-Type: audio/mpeg\nContent-Length: " + size,
                        body));
        RawClient client = client();

        for (int i = 0; i < 3; i++) {
            RawClient.Answer answer = client.post(chat("gpt-4o")).answer();
            assertEquals("audio/mpeg", answer.header("Content-Type"));
            assertArrayEquals(body, answer.body());
        }
    }

    private static byte[] binary(int size) {
        byte[] body = new byte[size];
        new Random(size).nextBytes(body);
        return body;
    }

    @Test
    void anAnswerOf20MegabytesReachesASlowReaderWholeAndIsNotKeptInTheJavaHeap() {
        byte[] body = binary(20 << 20);
        deployFor(
                ScriptedProvider.always(
                        "HTTP/1.1 200 OK\nContent-Type: application/octet-stream\nContent-Length: "
                                + body.length,
                        body));
        long before = heap();
        RawClient client = closing(new RawClient(gateway.port(), 256 << 10));
        client.post(chat("gpt-4o"));
        RawClient.Head head = client.readHead();
        byte[] first = client.readChunk();

        long during = heap() - before;
        byte[] all = new byte[body.length];
        int at = 0;
        for (byte[] chunk = first; chunk != null; chunk = client.readChunk()) {
            System.arraycopy(chunk, 0, all, at, chunk.length);
            at += chunk.length;
        }

        assertEquals(200, head.status());
        assertEquals(body.length, at);
        assertArrayEquals(body, all);
        assertTrue(
                during < 5 << 20,
                "while the reader stalls, the JVM keeps " + (during >> 10) + " KiB of the answer");
    }

    private static long heap() {
        Runtime runtime = Runtime.getRuntime();
        System.gc();
        return runtime.totalMemory() - runtime.freeMemory();
    }

    @Test
    void theCallerIsToldWhoServedAndAfterHowManyAttempts() {
        ProviderProcess second = provider("second");
        deploy(
                api(provider, second),
                FailoverConfigs.target("gpt~status=503", "one").fallback("claude", "two"));

        RawClient.Answer answer = ask(chat("gpt~status=503"));

        assertServedBy("second", answer);
        assertEquals("claude", answer.header("x-failover-model"));
        assertEquals("two", answer.header("x-failover-endpoint"));
        assertEquals("2", answer.header("x-failover-attempts"));
        assertEquals(
                "claude",
                JsonParser.parseString(answer.text()).getAsJsonObject().get("model").getAsString(),
                "the answer holds the name of the model that served");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theseHeadersCanBeSwitchedOffAndAreNeverTheProviders(boolean on) {
        ScriptedProvider scripted =
                closing(
                        ScriptedProvider.always(
                                OK + "X-Failover-Model: forged\nContent-Length: 3",
                                "[1]".getBytes()));
        deploy(
                api().endpoint("one", scripted.url()),
                FailoverConfigs.target("gpt-4o", "one")
                        .attribute("responseHeaders", String.valueOf(on)));

        RawClient.Answer answer = ask(chat("gpt-4o"));

        assertEquals(on ? "gpt-4o" : null, answer.header("x-failover-model"));
        assertEquals(on ? "one" : null, answer.header("x-failover-endpoint"));
        assertEquals(on ? "1" : null, answer.header("x-failover-attempts"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"modèle-ä", "模型", "a\\tb", "emoji-\uD83D\uDE80"})
    void aModelNameThatNoHeaderCanHoldIsServed(String model) {
        deployFor(model.replace("\\t", "\t"));

        RawClient.Answer answer = ask(chat(model));

        assertEquals(200, answer.status(), answer.text());
        assertEquals("1", answer.header("x-failover-attempts"));
        assertEquals(
                model.replace("\\t", "\t"),
                JsonParser.parseString(provider.only().text())
                        .getAsJsonObject()
                        .get("model")
                        .getAsString());
    }

    @Test
    void charactersOutsideAsciiInProvidersHeadersSurvive() {
        byte[] value = "caf\u00e9".getBytes(StandardCharsets.ISO_8859_1);
        deployFor(
                new ScriptedProvider(
                        (head, body, out) -> {
                            out.write("HTTP/1.1 200 OK\r\nX-Note: ".getBytes());
                            out.write(value);
                            out.write(ScriptedProvider.head("\nContent-Length: 3"));
                            out.write("[1]".getBytes());
                        }));

        RawClient.Answer answer = ask(chat("gpt-4o"));

        assertEquals(200, answer.status(), answer.text());
        assertEquals("[1]", answer.text());
    }
}
