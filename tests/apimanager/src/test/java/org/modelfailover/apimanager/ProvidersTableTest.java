package org.modelfailover.apimanager;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.modelfailover.apimanager.ApiSurface.Model;
import org.modelfailover.apimanager.WireFormat.Said;
import org.modelfailover.apimanager.WireFormat.Tokens;
import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.Until;
import org.modelfailover.kit.stream.Piece;
import org.wso2.carbon.apimgt.gateway.handlers.analytics.Constants;

import java.io.IOException;
import java.net.URI;
import java.net.URLDecoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * docs/providers.md says what happens. The cells are made of what was seen at the providers, at the
 * client and in the host's throttling and analytics; what must not be seen fails the row.
 *
 * <p>What a provider reports is asked of it once more, without the gateway.
 */
class ProvidersTableTest extends HostGatewayTest {
    /** The file, and whether it shall be written. */
    private static final Path PAGE = Path.of(System.getProperty("providers.page"));

    private static final boolean WRITE = Boolean.getBoolean("providers.write");

    private static final HttpClient HTTP =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private static final String ASKED_USAGE = "\"stream_options\":{\"include_usage\":true},";
    private static final List<String> ROWS = new ArrayList<>();

    private ApiSurface surface;
    private ProviderProcess one;
    private ProviderProcess two;

    /** What came of a request, plain or streamed. */
    private record Outcome(String answer, String credentials, String model, String tokens) {}

    static List<ApiSurface> surfaces() {
        return ApiSurface.all();
    }

    @ParameterizedTest
    @MethodSource("surfaces")
    void theRowOfAProviderSaysWhatHappens(ApiSurface surface) throws IOException {
        this.surface = surface;
        one = provider("one");
        two = provider("two");
        // It stands before the policy, so that the policy's request has them.
        TestDeployment api = api(surface).policy(EngineHandlers.xml());
        deploy(surface.deployment(api, one, two));

        Outcome plain = play(false);
        Outcome stream = play(true);

        check("credentials", "of a stream", plain.credentials(), stream.credentials());
        String row =
                String.join(
                        " | ",
                        "| " + surface,
                        plain.answer(),
                        stream.answer(),
                        plain.credentials(),
                        plain.model(),
                        plain.tokens(),
                        stream.tokens() + " |");
        ROWS.add(row);
        if (!WRITE) {
            assertTrue(
                    Files.readAllLines(PAGE).contains(row),
                    () -> PAGE + " does not say (`make providers` writes it anew)\n" + row);
        }
    }

    private static TestDeployment api(ApiSurface surface) {
        return surface.provider() == null
                ? HostHandlers.on(
                        TestDeployment.api("AssistantOfNobody", "1.0.0", "/assistant/1.0.0"))
                : api(surface.provider());
    }

    @Test
    @DisabledIfSystemProperty(named = "providers.write", matches = "true")
    void thePageHasTheWordsOfItsTemplateAndNoOtherRows() throws IOException {
        List<String> rows = new ArrayList<>(Files.readAllLines(PAGE));
        rows.removeAll(template().lines().toList());
        assertEquals(ApiSurface.all().size(), rows.size(), () -> String.join("\n", rows));
        assertEquals(
                template(),
                Files.readString(PAGE).replace(String.join("\n", rows), "@table@"),
                () -> PAGE + " does not have the words of its template");
    }

    @AfterAll
    static void write() throws IOException {
        if (WRITE && ROWS.size() == ApiSurface.all().size()) {
            Files.writeString(PAGE, template().replace("@table@", String.join("\n", ROWS)));
        }
    }

    private static String template() throws IOException {
        try (var in = ProvidersTableTest.class.getResourceAsStream("/providers.md")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private void check(String column, String what, Object expected, Object seen) {
        assertEquals(expected, seen, () -> surface + ", " + column + ": " + what);
    }

    private Outcome play(boolean stream) {
        String column = stream ? "stream" : "plain";
        one.forget();
        two.forget();
        forgetWhatWasSeen();
        EngineHandlers.PUBLISHED.clear();
        String fault = stream ? surface.format().cut() : "status=429";
        one.set(surface.target().name(), fault + surface.directives());
        String length = stream ? "tokens=9" : "tokens=12";
        // So slow that the client has its first word while the last one has yet to be said.
        two.set(surface.fallback().name(), length + "~interval=40ms" + surface.directives());

        Answer answer = ask(stream);

        ProviderProcess.Call failed = one.only();
        ProviderProcess.Call served = two.onlyEnded();
        two.set(surface.fallback().name(), length + surface.directives());
        String path = surface.base() + surface.path(surface.fallback(), stream);
        Said own = direct(path, surface.body(surface.fallback(), stream), stream);
        assertTrue(own.text().startsWith("Provider two served " + surface.fallback()), own::text);
        check(column, "the text", own.text(), answer.said().text());
        check(column, "what is wrong with it", own.faults(), answer.said().faults());
        check(column, "the usage that the client is told", own.tokens(), answer.said().tokens());
        Said reported = direct(served.path(), served.text(), stream);
        boolean hidden = served.text().contains(ASKED_USAGE) && answer.said().tokens() == null;
        return new Outcome(
                answer.cell(),
                credentials(failed, served),
                model(stream, failed, served),
                tokens(stream, reported.tokens()) + (hidden ? ", asked for and hidden" : ""));
    }

    /** What a client got, and a cell about it. */
    private record Answer(String cell, Said said) {}

    private Answer ask(boolean stream) {
        byte[] body = surface.body(surface.target(), stream).getBytes(StandardCharsets.UTF_8);
        String head =
                "POST /assistant/1.0.0"
                        + surface.path(surface.target(), stream)
                        + " HTTP/1.1\nHost: gateway\nApiKey: "
                        + GATEWAY_KEY
                        + "\nAuthorization: Bearer "
                        + ProviderKey.CALLERS
                        + "\nContent-Type: application/json\nContent-Length: "
                        + body.length
                        + "\n\n";
        try (RawClient client = RawClient.to(gateway)) {
            client.send(head).send(body);
            return stream ? streamed(client) : plain(client.answer());
        }
    }

    private Answer plain(RawClient.Answer answer) {
        check("plain", answer.text(), 200, answer.status());
        check("plain", "x-failover-endpoint", "two", answer.header("x-failover-endpoint"));
        return new Answer("yes", surface.format().plain(answer.body()));
    }

    private Answer streamed(RawClient client) {
        RawClient.Head head = client.readHead();
        check("stream", "the status", 200, head.status());
        check("stream", "x-failover-endpoint", "two", head.header("x-failover-endpoint"));
        List<Piece> pieces = new ArrayList<>();
        boolean useful = false;
        for (byte[] chunk = client.readChunk(); chunk != null; chunk = client.readChunk()) {
            pieces.add(new Piece(0, chunk));
            if (!useful && !surface.format().stream(pieces).text().isEmpty()) {
                useful = true;
                check(
                        "stream",
                        "the provider is through with the first word",
                        null,
                        two.only().end());
            }
        }
        return new Answer(
                "yes: `" + head.header("Content-Type").replaceFirst(";.*", "") + "`",
                surface.format().stream(pieces));
    }

    /** What the provider says to this when nobody stands in between. */
    private Said direct(String path, String body, boolean stream) {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(two.origin() + path))
                        .header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString(body))
                        .build();
        try {
            byte[] answer = HTTP.send(request, HttpResponse.BodyHandlers.ofByteArray()).body();
            return stream
                    ? surface.format().stream(List.of(new Piece(0, answer)))
                    : surface.format().plain(answer);
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    private String credentials(ProviderProcess.Call failed, ProviderProcess.Call served) {
        String seen = surface.key().seen(served, "two");
        check("credentials", "of the target", seen, surface.key().seen(failed, "one"));
        ProviderKey.assertNobodyElses(failed, "two");
        ProviderKey.assertNobodyElses(served, "one");
        return "yes: " + seen;
    }

    private String model(boolean stream, ProviderProcess.Call failed, ProviderProcess.Call served) {
        String column = "model rewrite";
        for (Map.Entry<Model, ProviderProcess.Call> asked :
                Map.of(surface.target(), failed, surface.fallback(), served).entrySet()) {
            ProviderProcess.Call call = asked.getValue();
            // Whether a colon is encoded is the gateway's choice.
            check(
                    column,
                    "the path of " + asked.getKey(),
                    (surface.base() + surface.path(asked.getKey(), stream)).replace(":", "%3A"),
                    ProviderKey.withoutKey(call.path()).replace(":", "%3A"));
            check(
                    column,
                    "the body of " + asked.getKey(),
                    surface.body(asked.getKey(), stream),
                    call.text().replace(ASKED_USAGE, ""));
        }
        String path = URLDecoder.decode(served.path(), StandardCharsets.UTF_8);
        String name = surface.fallback().name();
        if (path.contains(name)) {
            return "yes: `" + path.replace(name, "{model}").replaceFirst("\\?.*", "") + "`";
        }
        String place = place(JsonParser.parseString(served.text()), name);
        assertNotNull(place, () -> surface + ", " + column + ": nowhere is " + name);
        return "yes: `$" + place + "`";
    }

    /** Where a text stands, as the end of a JSONPath; null: nowhere. */
    private static String place(JsonElement in, String text) {
        if (in.isJsonPrimitive()) {
            return in.getAsString().equals(text) ? "" : null;
        }
        if (in.isJsonObject()) {
            for (Map.Entry<String, JsonElement> member : in.getAsJsonObject().entrySet()) {
                String place = place(member.getValue(), text);
                if (place != null) {
                    return "." + member.getKey() + place;
                }
            }
        }
        return null;
    }

    private String tokens(boolean stream, Tokens reported) {
        String column = stream ? "token counts of a stream" : "token counts";
        CountedTokens counted = counted();
        Tokens throttled = new Tokens(counted.prompt(), counted.completion(), counted.total());
        Analytics analytics = stream ? published() : recorded().analytics();
        Tokens analysed = analysed(analytics.tokens());
        boolean known = surface.provider() != null;
        Tokens expected = known ? reported : new Tokens(0, 0, 0);
        check(column, "the host's throttling", expected, throttled);
        check(column, "the host's analytics", expected, analysed);
        return known ? "yes: " + throttled : "no: nothing says where an answer has them";
    }

    private static Analytics published() {
        return Until.is(
                        "the analytics publish one event",
                        () -> EngineHandlers.PUBLISHED,
                        events -> events.size() == 1)
                .get(0);
    }

    private static Tokens analysed(Map<?, ?> usage) {
        return usage == null
                ? null
                : new Tokens(
                        (Integer) usage.get(Constants.AI_PROMPT_TOKEN_USAGE),
                        (Integer) usage.get(Constants.AI_COMPLETION_TOKEN_USAGE),
                        (Integer) usage.get(Constants.AI_TOTAL_TOKEN_USAGE));
    }
}
