package org.modelfailover.apimanager;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * An endpoint with AWS security gets requests that AWS would accept, signed by API Manager's own
 * signer for this candidate alone.
 */
class SignaturesTest extends HostGatewayTest {
    private static final String MODEL = "anthropic.claude-3-5-sonnet-20241022-v2:0";
    private static final String OTHER = "anthropic.claude-3-haiku-20240307-v1:0";
    private static final String THIRD = "amazon.nova-lite-v1:0";
    private static final String BODY =
            "{ \"messages\" : [{\"role\":\"user\",\"content\":[{\"text\":\"Hi\"}]}],"
                    + " \"inferenceConfig\":{\"temperature\":0.70}}";
    private static final String CALLERS = "Bearer sk-secret-of-the-caller";

    /** A candidate's access key or key, and what it signs with; no provider may see the latter. */
    private static final Map<String, String> SECRETS =
            Map.of(
                    "aws", "AKIDSECRETAWS",
                    "header", "sk-secret-header",
                    "query", "sk-secret-query");

    private static final String SIGNING_KEY = "wJalrXUtnFEMI/sign";

    private static TestDeployment bedrock() {
        return api(AiProvider.BEDROCK);
    }

    /** Bedrock's addresses have no path. */
    private static String origin(ProviderProcess provider) {
        return provider.url().replaceFirst("/v1$", "");
    }

    private void deployOne() {
        ProviderProcess aws = provider("aws");
        deploy(
                bedrock()
                        .endpoint("aws", origin(aws))
                        .awsKey("AKIDONE", SIGNING_KEY, "eu-central-1", "bedrock"),
                FailoverConfigs.target(MODEL, "aws"));
    }

    private RawClient.Answer post(String path, String body, String... headers) {
        StringBuilder head = new StringBuilder("POST /assistant/1.0.0" + path + " HTTP/1.1\n");
        head.append("Host: gateway\nApiKey: ").append(GATEWAY_KEY).append('\n');
        boolean typed = false;
        for (int i = 0; i < headers.length; i += 2) {
            typed |= headers[i].equals("Content-Type");
            head.append(headers[i]).append(": ").append(headers[i + 1]).append('\n');
        }
        if (!typed) {
            head.append("Content-Type: application/json\n");
        }
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        head.append("Content-Length: ").append(bytes.length).append("\n\n");
        try (RawClient client = RawClient.to(gateway)) {
            return client.send(head.toString()).send(bytes).answer();
        }
    }

    private static void assertSignedByOne(RawClient.Answer answer) {
        assertEquals(200, answer.status(), answer.text());
        Signature.assertSigned(running("aws").only(), "AKIDONE", SIGNING_KEY, "eu-central-1");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/model/" + MODEL + "/converse",
                "/model/" + MODEL + "/invoke",
                "/model/" + MODEL + "/converse-stream",
                "/model/" + MODEL + "/invoke-with-response-stream",
                "/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse",
                "/model/" + MODEL + "/converse?trace=ENABLED&note=a%20b"
            })
    void whatArrivesIsWhatWasSigned(String path) {
        deployOne();

        RawClient.Answer answer = post(path, BODY);

        assertSignedByOne(answer);
    }

    @Test
    void anEncodedSlashIsSignedAsItArrives() {
        ProviderProcess aws = provider("aws");
        String arn = "arn:aws:bedrock:us-east-1:42:inference-profile/" + MODEL;
        deploy(
                bedrock()
                        .endpoint("aws", origin(aws))
                        .awsKey("AKIDONE", SIGNING_KEY, "eu-central-1", "bedrock"),
                FailoverConfigs.target(arn, "aws"));

        RawClient.Answer answer =
                post("/model/" + arn.replace(":", "%3A").replace("/", "%2F") + "/converse", BODY);

        assertSignedByOne(answer);
        assertTrue(aws.only().path().contains("%2F"), aws.only().path());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Grüße 你好 🙂"
                        + " \\u00e9\"}]}]}",
                "{}",
                "\n{\"messages\" :\t[ ]\r\n}\n"
            })
    void theBodyIsSignedByteForByte(String body) {
        deployOne();

        RawClient.Answer answer = post("/model/" + MODEL + "/converse", body);

        assertSignedByOne(answer);
        assertEquals(body, running("aws").only().text());
    }

    @Test
    void aCharsetOfTheCallersDoesNotSpoilTheSignature() {
        deployOne();

        RawClient.Answer answer =
                post(
                        "/model/" + MODEL + "/converse",
                        BODY,
                        "Content-Type",
                        "application/json; charset=utf-8");

        assertSignedByOne(answer);
    }

    @ParameterizedTest
    @ValueSource(strings = {"converse", "converse-stream"})
    void everyCandidateIsSignedWithItsOwnKeyForItsOwnRegion(String operation) {
        ProviderProcess aws = provider("aws");
        ProviderProcess second = provider("second");
        aws.set(MODEL, "status=503");
        deploy(
                bedrock()
                        .endpoint("aws", origin(aws))
                        .awsKey("AKIDONE", SIGNING_KEY, "eu-central-1", "bedrock")
                        .endpoint("second", origin(second))
                        .awsKey("AKIDTWO", "another/secret", "us-west-2", "bedrock"),
                FailoverConfigs.target(MODEL, "aws").fallback(OTHER, "second"));

        RawClient.Answer answer = post("/model/" + MODEL + "/" + operation, BODY);

        assertSignedByOne(answer);
        Signature.assertSigned(second.only(), "AKIDTWO", "another/secret", "us-west-2");
        assertTrue(
                second.only().path().replace("%3A", ":").startsWith("/model/" + OTHER + "/"),
                second.only().path());
    }

    static Stream<Arguments> ordersAndFaults() {
        Stream.Builder<Arguments> all = Stream.builder();
        List<String> names = List.of("aws", "header", "query");
        for (String first : names) {
            for (String second : names) {
                for (String third : names) {
                    if (!first.equals(second) && !second.equals(third) && !first.equals(third)) {
                        for (String fault :
                                List.of(
                                        "status=503",
                                        "reset",
                                        "silent",
                                        "status=401",
                                        "cut=0",
                                        "empty",
                                        "body=%7B%22error%22:%7B%22message%22:%22busy%22%7D%7D")) {
                            for (boolean stream : new boolean[] {false, true}) {
                                all.add(Arguments.of(List.of(first, second, third), fault, stream));
                            }
                        }
                    }
                }
            }
        }
        return all.build();
    }

    @ParameterizedTest(name = "{0}, the first two {1}, streamed: {2}")
    @MethodSource("ordersAndFaults")
    void nobodySeesAnothersCredentials(List<String> order, String fault, boolean stream) {
        TestDeployment api =
                bedrock()
                        .endpoint("aws", origin(provider("aws")))
                        .awsKey(SECRETS.get("aws"), SIGNING_KEY, "us-east-1", "bedrock")
                        .endpoint("header", origin(provider("header")))
                        .headerKey("x-api-key", SECRETS.get("header"))
                        .endpoint("query", origin(provider("query")))
                        .queryKey("key", SECRETS.get("query"));
        running(order.get(0)).set(MODEL, fault);
        running(order.get(1)).set(OTHER, fault);
        deploy(
                api,
                FailoverConfigs.target(MODEL, order.get(0))
                        .fallback(OTHER, order.get(1))
                        .fallback(THIRD, order.get(2))
                        .requestTimeout("0.4"));
        String operation = stream ? "converse-stream" : "converse";

        RawClient.Answer answer =
                post("/model/" + MODEL + "/" + operation, BODY, "Authorization", CALLERS);

        assertEquals(200, answer.status(), answer.text());
        for (String name : order) {
            assertCarriesItsOwn(running(name).only(), name);
        }
    }

    private static void assertCarriesItsOwn(ProviderProcess.Call call, String name) {
        String all = call.log().toString();
        switch (name) {
            case "aws" ->
                    Signature.assertSigned(call, SECRETS.get("aws"), SIGNING_KEY, "us-east-1");
            case "header" -> assertEquals(List.of(SECRETS.get(name)), call.headers("x-api-key"));
            default -> assertTrue(call.path().endsWith("?key=" + SECRETS.get(name)), call.path());
        }
        SECRETS.forEach(
                (other, secret) ->
                        assertEquals(
                                other.equals(name),
                                all.contains(secret),
                                () -> name + " and the key of " + other + ": " + all));
        for (String secret : List.of(SIGNING_KEY, GATEWAY_KEY, "sk-secret-of-the-caller")) {
            assertFalse(all.contains(secret), () -> name + " was sent " + secret + ": " + all);
        }
        if (!name.equals("aws")) {
            assertFalse(
                    all.toLowerCase(java.util.Locale.ROOT).contains("x-amz-"),
                    () -> name + " was sent parts of a signature: " + all);
        }
    }
}
