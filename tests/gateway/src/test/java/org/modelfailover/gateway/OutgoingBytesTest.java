package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.apache.synapse.MessageContext;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.mediators.AbstractMediator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.ScriptedProvider;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;

/** What goes out is what came in, byte for byte, or it does not go out at all. */
class OutgoingBytesTest extends GatewayTest {
    private static final String ANSWER =
            "{\"choices\":[{\"message\":{\"content\":\"hello\"},\"finish_reason\":\"stop\"}]}";

    private final List<String> heads = new CopyOnWriteArrayList<>();
    private String url;

    @BeforeEach
    void aProviderThatWritesDownWhatItIsSent() {
        ScriptedProvider provider =
                closing(
                        new ScriptedProvider(
                                (head, body, out) -> {
                                    heads.add(head);
                                    out.write(
                                            ScriptedProvider.head(
                                                    "HTTP/1.1 200 OK\n"
                                                            + "Content-Type: application/json\n"
                                                            + "Connection: close\n"
                                                            + "Content-Length: "
                                                            + ANSWER.length()));
                                    out.write(ANSWER.getBytes());
                                }));
        url = provider.url();
    }

    /** A key nowhere, in a header, in the query. */
    private void deployWith(String key) {
        TestDeployment api = api().endpoint("one", url);
        switch (key) {
            case "header" -> api.headerKey("Authorization", "Bearer sk-one");
            case "query" -> api.queryKey("key", "sk-one");
            default -> {}
        }
        deploy(api, FailoverConfigs.target("gpt-4o", "one"));
    }

    private RawClient.Answer askAt(String path, String... headers) {
        String body = chat("gpt-4o");
        String head = RawClient.head(headers).replace("/chat/completions", path);
        String request = head + "Content-Length: " + body.length() + "\n\n" + body;
        return client().send(request.replace("\n", "\r\n").getBytes(StandardCharsets.ISO_8859_1))
                .answer();
    }

    private String target() {
        assertEquals(1, heads.size(), heads.toString());
        return heads.get(0).split(" ")[1];
    }

    private String header(String name) {
        return heads.get(0)
                .lines()
                .filter(line -> line.toLowerCase(Locale.ROOT).startsWith(name + ":"))
                .map(line -> line.substring(name.length() + 1).trim())
                .collect(
                        Collectors.collectingAndThen(
                                Collectors.joining("|"), all -> all.isEmpty() ? null : all));
    }

    // Paths

    @ParameterizedTest
    @CsvSource(
            delimiter = '\t',
            quoteCharacter = '`',
            value = {
                "none\t/chat/completions",
                "none\t/chat//completions",
                "none\t/chat\\completions",
                "none\t/chat/%41%2f%2F%zz%/completions",
                "none\t/chat/completions?",
                "none\t/chat/completions?a=1;key=2&&b={}|^\\[]'&c=%7e+x",
                "none\t/chat/completions;a=b/~!$&'()*+,=:@",
                "none\t/chat/%252e%252e/...",
                "header\t/chat\\completions",
                "header\t/chat/{a}|^/%7e?a=1;b=2&c=[x]{y}|&&",
                "header\t/chat/completions?",
                "query\t/chat\\completions?a=1;b=2&c=[x]{y}|",
                "query\t/chat/%41%7E//completions",
            })
    void whatGoesOutIsWhatCameIn(String key, String path) {
        deployWith(key);

        assertEquals(200, askAt(path).status());

        String added = (path.contains("?") ? "&" : "?") + "key=sk-one";
        assertEquals("/v1" + path + (key.equals("query") ? added : ""), target());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '\t',
            value = {
                "none\t/chat/%2e%2e/%2e%2e/tenant-b/v1/files",
                "header\t/chat/%2e%2e/%2e%2e/tenant-b/v1/files",
                "query\t/chat/../../tenant-b",
                "header\t/chat/.%2E/x",
                "none\t/chat/..\\x",
                "header\t/chat/..;a=b/x",
                "none\t/./chat/completions",
                "header\t/chat/completions/..",
                "header\t/chat/%2f..%2fx",
            })
    void dotSegmentsAreA400AndReachNobody(String key, String path) {
        deployWith(key);

        RawClient.Answer answer = askAt(path);

        assertEquals(400, answer.status(), answer.text());
        assertTrue(answer.text().contains("path"), "the client is told why: " + answer.text());
        assertEquals(List.of(), heads);
    }

    @Test
    void aCredentialBehindASemicolonIsNoneAnyMore() {
        deployWith("query");

        askAt("/chat/completions?a=1;key=mine&b=2;c=3");

        assertEquals("/v1/chat/completions?a=1%3Bkey=mine&b=2;c=3&key=sk-one", target());
    }

    // Length

    @Test
    void aUrlLongerThanProvidersTakeIsA414() {
        deployWith("header");

        assertEquals(414, askAt("/chat/completions?a=" + "b".repeat(65_534)).status());
        assertEquals(414, askAt("/chat/completions?a=" + "b".repeat(8_192)).status());
        assertEquals(List.of(), heads);
        assertEquals(200, askAt("/chat/completions?a=" + "b".repeat(6_900)).status());
    }

    @Test
    void headersLongerThanProvidersTakeAreA431() {
        deployWith("header");
        String[] many = new String[2 * 33_000];
        for (int i = 0; i < many.length; i += 2) {
            many[i] = "h" + i;
            many[i + 1] = "1";
        }
        String[] same = many.clone();
        for (int i = 0; i < same.length; i += 2) {
            same[i] = "x-same";
        }

        for (String[] headers : List.of(new String[] {"X-Big", "b".repeat(9 * 1024)}, many, same)) {
            RawClient.Answer answer = askAt("/chat/completions", headers);
            assertEquals(431, answer.status(), answer.text());
        }
        assertEquals(List.of(), heads);
        assertEquals(200, askAt("/chat/completions", "X-Big", "b".repeat(7 * 1024)).status());
    }

    @ParameterizedTest
    @CsvSource({"header, 200", "none, 431"})
    void aCredentialOfTheCallersCountsWhereItIsSent(String key, int status) {
        deployWith(key);
        String[] many = new String[2 * 33_000];
        for (int i = 0; i < many.length; i += 2) {
            many[i] = "Cookie";
            many[i + 1] = "a=1";
        }

        assertEquals(status, askAt("/chat/completions", "Cookie", "c".repeat(9_000)).status());
        assertEquals(status, askAt("/chat/completions", many).status());
        assertEquals(status == 200 ? 2 : 0, heads.size());
    }

    // Headers

    /** In the place of what a gateway says of the client: a header that others than it have set. */
    public static final class SaysWhoItIs extends AbstractMediator {
        @Override
        @SuppressWarnings("unchecked")
        public boolean mediate(MessageContext synCtx) {
            Object headers =
                    ((Axis2MessageContext) synCtx)
                            .getAxis2MessageContext()
                            .getProperty("TRANSPORT_HEADERS");
            ((Map<String, String>) headers).put("X-Client", "whom the gateway knows");
            return true;
        }

        @Override
        public boolean isContentAware() {
            return false;
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "header"})
    void whatTheClientsConnectionNamesIsNotSent(String key) {
        deployWith(key);

        askAt(
                "/chat/completions",
                "Connection",
                "keep-alive, X-Hop",
                "connection",
                "x-hop-two , ,Keep-Alive",
                "X-Hop",
                "1",
                "x-hop",
                "2",
                "X-Hop-Two",
                "3",
                "X-End",
                "4");

        assertNull(header("x-hop"), heads.toString());
        assertNull(header("x-hop-two"), heads.toString());
        assertEquals("4", header("x-end"));
    }

    @Test
    void aClientCanNotTakeAwayWhatBelongsToOthers() {
        deploy(
                api().policy("<class name=\"" + SaysWhoItIs.class.getName() + "\"/>")
                        .endpoint("one", url)
                        .headerKey("Authorization", "Bearer sk-one"),
                FailoverConfigs.target("gpt-4o", "one"));

        askAt(
                "/chat/completions",
                "Connection",
                "authorization, content-type, x-client, host, content-length",
                "Authorization",
                "Bearer mine",
                "X-Client",
                "whoever I like",
                "Content-Type",
                "application/json; charset=utf-8");

        assertEquals("Bearer sk-one", header("authorization"), "the endpoint's own");
        assertEquals("whom the gateway knows", header("x-client"), "what the gateway has put in");
        assertEquals("application/json; charset=utf-8", header("content-type"), "it is the body's");
        assertFalse(heads.get(0).contains("whoever"), heads.get(0));
    }

    @Test
    void aCredentialThatTheClientKeepsToItsConnectionIsNotPassedOn() {
        deployWith("none");

        askAt("/chat/completions", "Connection", "Authorization", "Authorization", "Bearer mine");

        assertNull(header("authorization"));
    }
}
