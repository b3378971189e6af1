package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * Requests that are not the policy's go the way they would have gone without it: to the API's
 * default endpoint, with its credentials, byte for byte.
 */
class PassingOnTest extends TargetElsewhere {
    private ProviderProcess.Call assertPassedOn(byte[] body) {
        assertEquals(List.of(), target.calls(), "the policy's target must not be called");
        ProviderProcess.Call call = standard.only();
        assertArrayEquals(
                body,
                call.body(),
                () -> "the body changed on its way; it arrived as " + shortened(call.text()));
        assertEquals(
                List.of("Bearer sk-one"),
                call.headers("Authorization"),
                "the default endpoint's own key should have been put in");
        return call;
    }

    private static String shortened(String text) {
        return text.length() < 300 ? text : text.substring(0, 300) + "… " + text.length();
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET", "DELETE"})
    void methodsWithoutABodyArePassedOn(String method) {
        deployWithTargetElsewhere();

        RawClient.Answer answer =
                client().send(
                                method
                                        + " /assistant/1.0.0/models?limit=2 HTTP/1.1\n"
                                        + "Host: gateway\n\n")
                        .answer();

        ProviderProcess.Call call = assertPassedOn(new byte[0]);
        assertEquals(method, call.method());
        assertEquals("/v1/models?limit=2", call.path());
        assertEquals(method.equals("GET") ? 200 : 404, answer.status(), answer.text());
        assertNull(answer.header("x-failover-attempts"), "nobody failed over here");
    }

    @ParameterizedTest
    @ValueSource(strings = {"POST", "PUT", "DELETE"})
    void anEmptyBodyIsPassedOn(String method) {
        deployWithTargetElsewhere();

        client().send(
                        method
                                + " /assistant/1.0.0/files HTTP/1.1\n"
                                + "Host: gateway\n"
                                + "Content-Type: application/json\n"
                                + "Content-Length: 0\n\n")
                .answer();

        assertEquals(method, assertPassedOn(new byte[0]).method());
    }

    static Stream<Arguments> bodiesOfOthers() {
        String json = "application/json";
        byte[] notUtf8 = "{\"model\":\"caf?\",\"a\":\"b\"}".getBytes(StandardCharsets.ISO_8859_1);
        notUtf8[13] = (byte) 0xe9;
        byte[] binary = new byte[70_000];
        for (int i = 0; i < binary.length; i++) {
            binary[i] = (byte) (i * 31);
        }
        return Stream.of(
                Arguments.of("another model", json, chat("another-model").getBytes()),
                Arguments.of(
                        "another model, oddly written",
                        "application/json; charset=utf-8",
                        "\n { \"n\":1.0e2 ,\t\"a\":1,\"a\":2, \"model\" :\"\\u0067pt\\/x\",\"ä\":\"€\" } \n"
                                .getBytes(StandardCharsets.UTF_8)),
                Arguments.of("a model that is a number", json, "{\"model\":4,\"x\":[]}".getBytes()),
                Arguments.of(
                        "a model that is an object",
                        json,
                        "{\"model\":{\"name\":\"gpt-4o\"}}".getBytes()),
                Arguments.of("a list", json, "[{\"model\":\"gpt-4o\"}]".getBytes()),
                Arguments.of("a bare string", json, "\"gpt-4o\"".getBytes()),
                Arguments.of(
                        "another format of JSON",
                        "application/vnd.api+json",
                        "{\"model\": \"another\"}".getBytes()),
                Arguments.of(
                        "text", "text/plain; charset=utf-8", "{\"model\":\"gpt-4o\"}".getBytes()),
                Arguments.of("text that is not UTF-8", "text/plain", notUtf8),
                Arguments.of("binary", "application/octet-stream", binary),
                Arguments.of("a body of 1 MB", json, megabyte("another-model")));
    }

    private static byte[] megabyte(String model) {
        char[] text = new char[1 << 20];
        Arrays.fill(text, 'x');
        for (int i = 0; i < text.length; i += 61) {
            text[i] = 'ß';
        }
        return ("{\"messages\":[{\"content\":\""
                        + new String(text)
                        + "\"}],\"model\":\""
                        + model
                        + "\"}")
                .getBytes(StandardCharsets.UTF_8);
    }

    @ParameterizedTest(name = "{0}, with Content-Length")
    @MethodSource("bodiesOfOthers")
    void whatIsNotForTheTargetArrivesByteForByte(String what, String type, byte[] body) {
        deployWithTargetElsewhere();

        send(body, "Content-Type", type, "X-Trace", "abc");

        assertUntouched(type, body);
    }

    @ParameterizedTest(name = "{0}, chunked")
    @MethodSource("bodiesOfOthers")
    void whatIsNotForTheTargetArrivesByteForByteWhenItIsChunked(
            String what, String type, byte[] body) {
        deployWithTargetElsewhere();

        client().send(
                        RawClient.head("Content-Type", type, "X-Trace", "abc")
                                + "Transfer-Encoding: chunked\n\n")
                .send(RawClient.chunked(body, 5_000))
                .answer();

        assertUntouched(type, body);
    }

    private void assertUntouched(String type, byte[] body) {
        ProviderProcess.Call call = assertPassedOn(body);
        assertEquals("/v1/chat/completions", call.path());
        assertEquals("abc", call.header("X-Trace"), "the caller's headers should arrive");
        // Synapse 3.0.1 adds a charset where there is none.
        assertTrue(
                call.header("Content-Type").startsWith(type),
                "the Content-Type should still be " + type + ": " + call.header("Content-Type"));
    }

    @Test
    void aBodyOfOneMegabyteReachesTheTargetByteForByte() {
        deployWithTargetElsewhere();
        byte[] body = megabyte("gpt-4o");

        client().send(RawClient.head() + "Transfer-Encoding: chunked\n\n")
                .send(RawClient.chunked(body, 16_384))
                .answer();

        assertArrayEquals(body, target.only().body(), "the target's own model needs no change");
    }

    /** The engine calls such a body a form. */
    @Test
    void aBodyWithoutContentTypeIsPassedOn() {
        deployWithTargetElsewhere();
        byte[] body = chat("gpt-4o").getBytes();

        client().send(
                        "POST /assistant/1.0.0/chat/completions HTTP/1.1\nHost: gateway\n"
                                + "Content-Length: "
                                + body.length
                                + "\n\n")
                .send(body)
                .answer();

        assertPassedOn(body);
    }

    @Test
    void aSectionThatIsNotConfiguredIsPassedOn() {
        deploy(api(standard, target), FailoverConfigs.sandboxTarget("gpt-4o", "two"));

        ask(chat("gpt-4o"));

        assertPassedOn(chat("gpt-4o").getBytes());
    }

    @Test
    void aSandboxKeyUsesTheSandboxSection() {
        deploy(api(standard, target), FailoverConfigs.sandboxTarget("gpt-4o", "two"));

        assertServedBy("target", ask(chat("gpt-4o"), "ApiKey", "sandbox-1"));
        assertEquals(List.of(), standard.calls(), "the sandbox's target is elsewhere");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void twoPoliciesOnOneOperationAnswerEachForItsOwnTarget(boolean theOtherWayRound) {
        FailoverConfigs first = FailoverConfigs.target("model-a", "two");
        FailoverConfigs second = FailoverConfigs.target("model-b", "three");
        ProviderProcess third = provider("third");
        TestDeployment api = api(standard, target).endpoint("three", third.url());
        deploy(
                theOtherWayRound
                        ? api.failover(second.attributes()).failover(first.attributes())
                        : api.failover(first.attributes()).failover(second.attributes()));

        RawClient.Answer a = ask(chat("model-a"));
        RawClient.Answer b = ask(chat("model-b"));
        byte[] c = megabyte("model-c");
        send(c);

        assertServedBy("target", a);
        assertEquals("two", a.header("x-failover-endpoint"));
        assertServedBy("third", b);
        assertEquals("three", b.header("x-failover-endpoint"));
        assertArrayEquals(c, standard.only().body(), "neither policy's model: untouched");
    }

    @Test
    void aPassedOnRequestLeavesNothingBehindOnItsConnection() {
        deployWithTargetElsewhere();
        RawClient client = client();

        for (int i = 0; i < 3; i++) {
            assertServedBy("standard", client.post(chat("another-model")).answer());
            assertServedBy("target", client.post(chat("gpt-4o")).answer());
        }
    }
}
