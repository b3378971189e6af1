package org.modelfailover.apimanager;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.LogCapture;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A signature holds over whatever the caller and the policy make of a request; where none can, the
 * next candidate is asked, and nothing goes out unsigned.
 */
class SignedRequestsTest extends HostGatewayTest {
    private static final String MODEL = "anthropic.claude-3-5-sonnet-20241022-v2:0";
    private static final String OTHER = "anthropic.claude-3-haiku-20240307-v1:0";
    private static final String BODY =
            "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Hi\"}]}]}";
    private static final String SECRET = "wJalrXUtnFEMI/sign";

    private ProviderProcess aws;
    private ProviderProcess spare;

    @BeforeEach
    void startProviders() {
        aws = provider("aws");
        spare = provider("spare");
    }

    private static String origin(ProviderProcess provider) {
        return provider.url().replaceFirst("/v1$", "");
    }

    private TestDeployment endpoints(String basePath) {
        return api(AiProvider.BEDROCK)
                .endpoint("aws", origin(aws) + basePath)
                .awsKey("AKIDONE", SECRET, "eu-central-1", "bedrock")
                .endpoint("spare", origin(spare))
                .headerKey("x-api-key", "sk-secret-spare");
    }

    private void deploySigned(String basePath) {
        deploy(endpoints(basePath), FailoverConfigs.target(MODEL, "aws").fallback(OTHER, "spare"));
    }

    private RawClient.Answer post(String path, String type, String body, String... headers) {
        StringBuilder head =
                new StringBuilder("POST /assistant/1.0.0")
                        .append(path)
                        .append(" HTTP/1.1\nHost: gateway\nContent-Type: ")
                        .append(type)
                        .append('\n');
        for (int i = 0; i < headers.length; i += 2) {
            head.append(headers[i]).append(": ").append(headers[i + 1]).append('\n');
        }
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        head.append("Content-Length: ").append(bytes.length).append("\n\n");
        try (RawClient client = RawClient.to(gateway)) {
            return client.send(head.toString()).send(bytes).answer();
        }
    }

    private static void assertSigned(ProviderProcess.Call call) {
        Signature.assertSigned(call, "AKIDONE", SECRET, "eu-central-1");
    }

    @ParameterizedTest
    @CsvSource({
        "?b=2&a=1, ?a=1&b=2",
        "?a=2&a=1, ?a=1&a=2",
        "?flag, ?flag=",
        "?note=a+b, ?note=a%20b",
        "?note=x~y*z, ?note=x~y%2Az",
        "?note=%7e%c3%bc, ?note=~%C3%BC",
        "?note=%zz&&, ?note=%25zz"
    })
    void aQueryArrivesAsItWasSigned(String query, String expected) {
        deploySigned("");

        RawClient.Answer answer =
                post("/model/" + MODEL + "/converse" + query, "application/json", BODY);

        assertEquals(200, answer.status(), answer.text());
        assertSigned(aws.only());
        assertTrue(aws.only().path().endsWith("/converse" + expected), aws.only().path());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/base",
                "/base/",
                "/a~b",
                "/a*b",
                "/a%7Cb",
                "/a%5eb",
                "/a%20b%2Fc",
                "/(a)'b'!",
                "/%C3%BC/a;b=c,d"
            })
    void thePathOfTheEndpointsAddressIsSignedAsItArrives(String basePath) {
        deploySigned(basePath);

        RawClient.Answer answer =
                post("/model/" + MODEL + "/converse?a=1", "application/json", BODY);

        assertEquals(200, answer.status(), answer.text());
        assertSigned(aws.only());
        assertTrue(aws.only().path().matches("/.+[^/]/model/.*"), aws.only().path());
    }

    @Test
    void theCallersOwnSignatureGoesNowhere() {
        deploySigned("");

        RawClient.Answer answer =
                post(
                        "/model/" + MODEL + "/converse?X-Amz-Signature=of-the-caller&a=1",
                        "application/json",
                        BODY,
                        "Authorization",
                        "AWS4-HMAC-SHA256 Credential=of-the-caller",
                        "X-Amz-Security-Token",
                        "of-the-caller",
                        "X-Amz-Date",
                        "20200101T000000Z",
                        "x-amz-date",
                        "20200101T000001Z");

        assertEquals(200, answer.status(), answer.text());
        assertSigned(aws.only());
        String all = aws.only().log().toString();
        assertFalse(all.contains("of-the-caller") || all.contains("20200101"), all);
    }

    @ParameterizedTest
    @ValueSource(strings = {"/a/%2E%2E", "/a/../b", "/a//b"})
    void aPathThatWouldBeRespeltOnItsWayIsNotSent(String basePath) {
        deploySigned(basePath);
        try (LogCapture log = new LogCapture()) {
            RawClient.Answer answer =
                    post("/model/" + MODEL + "/converse", "application/json", BODY);

            assertEquals(200, answer.status(), answer.text());
            assertEquals(List.of(), aws.calls());
            assertEquals(List.of("sk-secret-spare"), spare.only().headers("x-api-key"));
            assertTrue(log.text().contains("a signature, which the path"), log.text());
        }
    }

    @Test
    void aBodyThatTheSignerCantReadIsNotSentUnsigned() {
        deploySigned("");
        String form =
                "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nhello\r\n--b--\r\n";
        try (LogCapture log = new LogCapture()) {
            post("/model/" + MODEL + "/converse", "multipart/form-data; boundary=b", form);

            assertEquals(List.of(), aws.calls());
            assertTrue(log.text().contains("for JSON only"), log.text());
        }
    }

    @Test
    void aStreamThatIsContinuedIsSignedOverTheTextThatWasDelivered() {
        spare.set(OTHER, "cut=3");
        deploy(endpoints(""), FailoverConfigs.target(OTHER, "spare").fallback(MODEL, "aws"));

        RawClient.Answer answer =
                post("/model/" + OTHER + "/converse-stream", "application/json", BODY);

        assertEquals(200, answer.status(), answer.text());
        assertSigned(aws.only());
        assertTrue(aws.only().text().contains("\"assistant\""), aws.only().text());
    }

    @Test
    void aRepeatWithoutThatTextIsSignedAnew() {
        spare.set(OTHER, "cut=3");
        aws.set(MODEL, "prefill=refuse");
        deploy(endpoints(""), FailoverConfigs.target(OTHER, "spare").fallback(MODEL, "aws"));

        RawClient.Answer answer =
                post("/model/" + OTHER + "/converse-stream", "application/json", BODY);

        assertEquals(200, answer.status(), answer.text());
        List<ProviderProcess.Call> calls = aws.calls();
        assertEquals(2, calls.size(), calls.toString());
        calls.forEach(SignedRequestsTest::assertSigned);
        assertEquals(BODY, calls.get(1).text());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/converse/a|b",
                "/converse/{a}/\"b\"",
                "/converse/%C3%BC%e4%b8%ad",
                "/converse/%3a%2F%zz",
                "/converse/a;b=c,d@e",
                "/converse/a+b*c~d",
                "/converse?a=%C3%BC|;b=c",
                "/converse#a?b"
            })
    void whateverPathTheCallerAsksForIsSignedAsItArrives(String path) {
        deploySigned("");

        post("/model/" + MODEL + path, "application/json", BODY);

        assertSigned(aws.only());
    }

    @ParameterizedTest
    @ValueSource(strings = {"/converse/", "/converse//a", "/converse/../a", "/converse/%2e%2E/a"})
    void noPathOfTheCallersIsSentWithASignatureThatDoesNotHold(String path) {
        deploySigned("");

        post("/model/" + MODEL + path, "application/json", BODY);

        aws.calls().forEach(SignedRequestsTest::assertSigned);
    }

    @Test
    void aSecondContentTypeDoesNotBreakTheSignature() {
        deploySigned("");

        RawClient.Answer answer =
                post(
                        "/model/" + MODEL + "/converse",
                        "application/json",
                        BODY,
                        "Content-Type",
                        "application/json; charset=utf-8",
                        "content-type",
                        "text/plain");

        assertEquals(200, answer.status(), answer.text());
        assertSigned(aws.only());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "caf\u00e9 \u4e2d \ud83d\ude00",
                "\\u00e9\\ud83d",
                "a\\u0000b",
                "tab\\t\u007f\u2028"
            })
    void anyTextIsSigned(String text) {
        deploySigned("");

        post("/model/" + MODEL + "/converse", "application/json", BODY.replace("Hi", text));

        assertSigned(aws.only());
    }

    @Test
    void aBodyThatIsNoUtf8IsNotSentWithASignatureThatDoesNotHold() {
        deploySigned("");
        byte[] body = BODY.replace("Hi", "?").getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < body.length; i++) {
            body[i] = body[i] == '?' ? (byte) 0xe9 : body[i];
        }

        try (RawClient client = RawClient.to(gateway)) {
            client.send(
                            "POST /assistant/1.0.0/model/"
                                    + MODEL
                                    + "/converse HTTP/1.1\nHost: gateway\n"
                                    + "Content-Type: application/json\nContent-Length: "
                                    + body.length
                                    + "\n\n")
                    .send(body)
                    .answer();
        }

        aws.calls().forEach(SignedRequestsTest::assertSigned);
    }

    @Test
    void requestsAtTheSameTimeAreSignedEachOverItsOwnBody() {
        deploySigned("");
        IntStream.range(0, 64)
                .parallel()
                .forEach(
                        i ->
                                post(
                                        "/model/" + MODEL + "/converse?n=" + i,
                                        "application/json",
                                        BODY.replace("Hi", "I am " + i)));

        assertEquals(64, aws.calls().size());
        aws.calls().forEach(SignedRequestsTest::assertSigned);
    }
}
