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
import org.modelfailover.kit.AnswerPolicies;
import org.modelfailover.kit.Client;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.ScriptedProvider;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * What the client gets: the provider's own answer, or a clear fault; never a hang, a 202 or an
 * empty 200.
 */
class AnswersTest extends GatewayTest {
    private static final String OK = "HTTP/1.1 200 OK\nContent-Type: application/json\n";

    private ProviderProcess provider;

    @BeforeEach
    void providers() {
        provider = provider("target");
        AnswerPolicies.ChangesHeaders.STATUS.clear();
        AnswerPolicies.ReadsBody.SEEN.clear();
        AnswerPolicies.NotesFault.CODES.clear();
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

    // The provider's answer

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

    // Who served

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

    // The API's response flow

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aResponsePolicySeesTheAnswerAndMayChangeItsHeaders(boolean stream) {
        String model = "gpt~header=X-Changed:provider~header=X-Removed:provider~tokens=20";
        deploy(
                api(provider)
                        .responsePolicy(AnswerPolicies.xml(AnswerPolicies.ChangesHeaders.class)),
                FailoverConfigs.target(model, "one"));

        RawClient.Answer answer = ask(stream ? streamed(model) : chat(model));

        assertServedBy("target", answer);
        assertEquals("by the API", answer.header("X-Added"));
        assertEquals(List.of("by the API"), answer.head().all("X-Changed"));
        assertNull(answer.header("X-Removed"));
        assertEquals(List.of(200), AnswerPolicies.ChangesHeaders.STATUS, "it runs once");
    }

    @ParameterizedTest
    @CsvSource({"3, false", "3, true", "20000, false", "20000, true"})
    void aResponsePolicyThatReadsTheBodyChangesNothingInIt(int tokens, boolean stream) {
        String model = "gpt~tokens=" + tokens;
        deploy(
                api(provider).responsePolicy(AnswerPolicies.xml(AnswerPolicies.ReadsBody.class)),
                FailoverConfigs.target(model, "one"));
        RawClient client = client();

        for (int i = 0; i < 3; i++) {
            RawClient.Answer answer = client.post(stream ? streamed(model) : chat(model)).answer();
            assertEquals(200, answer.status(), answer.text());
            assertEquals(
                    AnswerPolicies.ReadsBody.SEEN.get(i),
                    answer.text(),
                    "the client gets what the policy saw");
            assertTrue(
                    answer.text().contains("Provider")
                            && answer.text().endsWith(stream ? "data: [DONE]\n\n" : "}"),
                    "the whole answer should have come");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt", "gpt~tokens=20000", "gpt~status=400"})
    void aResponsePolicyThatThrowsIsAFaultAndNotAHang(String model) {
        deploy(
                api(provider).responsePolicy(AnswerPolicies.xml(AnswerPolicies.Throws.class)),
                FailoverConfigs.target(model, "one"));

        assertFault(500, ask(chat(model)));
        assertFault(500, ask(streamed(model)));
        RawClient client = client();
        assertFault(500, client.post(chat(model)).answer());
        assertFault(500, client.post(chat(model)).answer());
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt", "gpt~tokens=20000"})
    void aResponsePolicyThatMissesItsLibraryIsAFaultAndNotAHang(String model) {
        deploy(
                api(provider)
                        .responsePolicy(AnswerPolicies.xml(AnswerPolicies.MissesItsLibrary.class)),
                FailoverConfigs.target(model, "one"));

        assertFault(500, ask(chat(model)));
        assertFault(500, ask(streamed(model)));
    }

    @Test
    void aFaultPolicyThatMissesItsLibraryIsNoHang() {
        deploy(
                api().endpoint("one", Client.refusingUrl())
                        .faultPolicy(AnswerPolicies.xml(AnswerPolicies.MissesItsLibrary.class)),
                FailoverConfigs.target("gpt", "one"));
        RawClient client = client().post(chat("gpt"));

        assertTrue(client.isClosed(), "there is nobody left who could answer");
    }

    @Test
    void aResponsePolicyThatThrowsEndsTheStreamAtTheProvider() {
        String model = "gpt~tokens=5000~interval=20ms";
        deploy(
                api(provider).responsePolicy(AnswerPolicies.xml(AnswerPolicies.Throws.class)),
                FailoverConfigs.target(model, "one"));

        assertFault(500, ask(streamed(model)));

        assertEquals("client-left", provider.onlyEnded().end());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anAnswerIsWholeHoweverLongTheEngineTakesToSendItsHead(boolean stream) {
        String model = "gpt~tokens=30~interval=20ms";
        deploy(
                api(provider)
                        .responsePolicy(AnswerPolicies.xml(AnswerPolicies.HandsOverSlowly.class)),
                FailoverConfigs.target(model, "one"));

        RawClient.Answer answer = ask(stream ? streamed(model) : chat(model));

        assertServedBy("target", answer);
        assertTrue(answer.text().endsWith(stream ? "data: [DONE]\n\n" : "}"), answer.text());
    }

    private static String assertFault(int status, RawClient.Answer answer) {
        assertEquals(status, answer.status(), answer.text());
        var report = JsonParser.parseString(answer.text()).getAsJsonObject();
        assertEquals("Status report", report.get("type").getAsString(), answer.text());
        return report.get("description").getAsString();
    }

    // Faults

    private void deployWithFaultPolicy(FailoverConfigs configs) {
        deploy(
                api(provider)
                        .endpoint("refusing", Client.refusingUrl())
                        .headerKey("Authorization", "Bearer sk-secret-refusing")
                        .faultPolicy(AnswerPolicies.xml(AnswerPolicies.NotesFault.class)),
                configs);
    }

    private static void assertCode(RawClient.Answer answer) {
        assertInRange(
                JsonParser.parseString(answer.text()).getAsJsonObject().get("code").getAsInt());
    }

    private static void assertInRange(int code) {
        assertTrue(
                code == 303001 || code >= 101500 && code <= 101599,
                "not in the host's range for target connectivity: " + code);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt~close", "gpt~silent", "gpt~empty"})
    void theApisOwnFaultPoliciesSeeWhatFailed(String model) {
        deployWithFaultPolicy(FailoverConfigs.target(model, "one").requestTimeout("0.3"));

        assertTrue(ask(chat(model)).status() >= 502);

        assertEquals(
                2,
                AnswerPolicies.NotesFault.CODES.size(),
                "the API's --Fault sequence did not run");
        assertEquals(
                "Integer",
                AnswerPolicies.NotesFault.CODES.get(0),
                "the host's analytics cast ERROR_CODE to an Integer");
        assertInRange((Integer) AnswerPolicies.NotesFault.CODES.get(1));
    }

    @ParameterizedTest
    @ValueSource(strings = {"malformed", "too large"})
    void theApisOwnFaultPoliciesSeeARefusedRequest(String why) {
        deployWithFaultPolicy(
                FailoverConfigs.target("gpt", "one").attribute("maxRequestBody", "500"));

        ask(why.equals("malformed") ? "{" : chat("gpt") + " ".repeat(500));

        assertEquals(
                2,
                AnswerPolicies.NotesFault.CODES.size(),
                "the API's --Fault sequence did not run");
    }

    private void assertTellsNothingInternal(RawClient.Answer answer) {
        String all =
                answer.text()
                        + answer.head().headers().stream()
                                .map(h -> h[0] + ": " + h[1])
                                .collect(Collectors.joining("\n"));
        for (String internal :
                List.of("127.0.0.1", "localhost", ":" + provider.port(), "sk-", "/v1")) {
            assertFalse(all.contains(internal), internal + " is nobody's business: " + all);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "gpt, refusing, 502",
        "gpt~reset, one, 502",
        "gpt~close, one, 502",
        "gpt~empty, one, 502",
        "gpt~bad-json, one, 502",
        "gpt~cut=0, one, 502",
        "gpt~silent, one, 504",
        "gpt~headers-then-silence, one, 504"
    })
    void whereNoProviderAnswersTheFaultSequenceDoes(String model, String endpoint, int status) {
        deployWithFaultPolicy(FailoverConfigs.target(model, endpoint).requestTimeout("0.3"));

        for (String request : List.of(chat(model), streamed(model))) {
            if (model.equals("gpt~bad-json") && request.equals(streamed(model))) {
                continue;
            }
            RawClient.Answer answer = ask(request);

            String description = assertFault(status, answer);
            assertTrue(description.contains("gpt"), "which model was it? " + description);
            assertNull(answer.header("Retry-After"), "nobody knows when");
            assertCode(answer);
            assertTellsNothingInternal(answer);
        }
    }

    @Test
    void whenEveryCandidateIsSuspendedTheCallerIsToldWhenToComeBack() {
        String model = "gpt~status=503";
        deployWithFaultPolicy(
                FailoverConfigs.target(model, "one")
                        .suspendDuration("60")
                        .attribute("whenAllSuspended", "reject"));
        assertEquals(503, ask(chat(model)).status());
        int calls = provider.calls().size();

        RawClient.Answer answer = ask(chat(model));

        assertFault(503, answer);
        int seconds = Integer.parseInt(answer.header("Retry-After"));
        assertTrue(seconds > 50 && seconds <= 60, "Retry-After: " + seconds);
        assertCode(answer);
        assertTellsNothingInternal(answer);
        assertEquals(calls, provider.calls().size(), "a suspended candidate is not called");
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt~status=502", "gpt~status=503", "gpt~silent", "gpt~cut", "{"})
    void aFaultPolicyThatReadsTheBodyStillAnswers(String model) {
        deploy(
                api(provider).faultPolicy("<log level=\"full\"/>"),
                FailoverConfigs.target(model, "one")
                        .requestTimeout("0.3")
                        .attribute("maxRequestBody", "500"));

        RawClient.Answer answer = ask(model.equals("{") ? model : chat(model));
        RawClient.Answer tooLarge = ask(chat(model) + " ".repeat(500));

        assertTrue(answer.status() >= 400, answer.text());
        assertFault(413, tooLarge);
    }

    @Test
    void whenAllFailTheLastProvidersAnswerIsGiven() {
        ProviderProcess second = provider("second");
        deploy(
                api(provider, second),
                FailoverConfigs.target("gpt~status=500", "one")
                        .fallback("claude~status=529~retry-after=3", "two"));

        RawClient.Answer answer = ask(chat("gpt~status=500"));

        assertEquals(529, answer.status());
        assertEquals("3", answer.header("Retry-After"));
        assertTrue(answer.text().contains("second simulates"), answer.text());
        assertEquals("two", answer.header("x-failover-endpoint"));
    }

    @Test
    void aNameWithMarkupIsHarmlessInTheFaultsText() {
        String model = "gpt<&{{7*7}}~close";
        deployWithFaultPolicy(FailoverConfigs.target(model, "one"));

        RawClient.Answer answer = ask(chat(model));

        assertTrue(assertFault(502, answer).contains(model), answer.text());
    }

    @Test
    void anEndpointThatIsNotDeployedIsLeftOut() {
        deploy(api(provider), FailoverConfigs.target("gpt", "not-there").fallback("claude", "one"));

        RawClient.Answer answer = ask(chat("gpt"));

        assertServedBy("target", answer);
        assertEquals("claude", answer.header("x-failover-model"));
    }

    @Test
    void whenNoEndpointIsDeployedItIsAFault() {
        deploy(api(provider), FailoverConfigs.target("gpt", "not-there"));

        assertFault(502, ask(chat("gpt")));
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
