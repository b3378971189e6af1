package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.kit.Client;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;

import java.util.Arrays;
import java.util.List;

/** What clients send that they should not: a defined answer, and no effect on others. */
class BadInputTest extends GatewayTest {
    private ProviderProcess provider;

    @BeforeEach
    void providers() {
        provider = provider("target");
    }

    private void deployFor(String model) {
        deploy(api(provider), FailoverConfigs.target(model, "one"));
    }

    private static JsonObject report(RawClient.Answer answer) {
        return JsonParser.parseString(answer.text()).getAsJsonObject();
    }

    // Bodies

    @Test
    void malformedJsonIsA400ThatNamesThePlace() {
        deployFor("gpt-4o");

        RawClient.Answer answer = ask("{\"model\":\"gpt-4o\",\n \"messages\":[}");

        assertEquals(400, answer.status(), answer.text());
        String description = report(answer).get("description").getAsString();
        assertTrue(
                description.contains("line 2 column 14"),
                "the caller should be told where the JSON is broken: " + description);
        assertEquals(List.of(), provider.calls(), "nobody should be asked");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"model\":\"gpt-4o\"",
                "{\"model\":\"gpt-4o\"} trailing",
                "{'model':'gpt-4o'}",
                "{",
                "nonsense"
            })
    void everythingThatIsNoJsonIsA400(String body) {
        deployFor("gpt-4o");

        RawClient.Answer answer = ask(body);

        assertEquals(400, answer.status(), answer.text());
        assertEquals(List.of(), provider.calls(), "nobody should be asked");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"messages\":[]}         | {\"model\":\"gpt-4o\",\"messages\":[]}",
                "{\"model\":null,\"a\":1}  | {\"model\":\"gpt-4o\",\"a\":1}",
                "{\"a\":1 , \"model\":\"\"} | {\"a\":1 , \"model\":\"gpt-4o\"}",
                "{}                        | {\"model\":\"gpt-4o\"}"
            })
    void aRequestThatNamesNoModelIsForTheTargetAndIsGivenItsName(String sent, String arrives) {
        deployFor("gpt-4o");

        assertEquals(200, ask(sent).status());

        assertEquals(arrives, provider.only().text());
    }

    // Size

    private void deployWithLimit(int bytes) {
        deploy(
                api(provider),
                FailoverConfigs.target("gpt-4o", "one")
                        .attribute("maxRequestBody", String.valueOf(bytes)));
    }

    private static byte[] body(int size) {
        byte[] body = new byte[size];
        Arrays.fill(body, (byte) ' ');
        byte[] start = chat("gpt-4o").getBytes();
        System.arraycopy(start, 0, body, 0, start.length);
        return body;
    }

    @ParameterizedTest
    @CsvSource({"1001, false", "1001, true", "3000000, false", "3000000, true"})
    void aBodyOverTheLimitIsA413AndTheConnectionGoesOn(int size, boolean chunked) {
        deployWithLimit(1000);
        RawClient client = client();

        if (chunked) {
            client.send(RawClient.head() + "Transfer-Encoding: chunked\n\n");
            client.send(RawClient.chunked(body(size), 10_000));
        } else {
            client.send(RawClient.head() + "Content-Length: " + size + "\n\n").send(body(size));
        }
        RawClient.Answer answer = client.answer();

        assertEquals(413, answer.status(), answer.text());
        assertTrue(answer.text().contains("1000"), "the limit should be named: " + answer.text());
        assertEquals(List.of(), provider.calls(), "what can't be kept can't be sent");
        assertServedBy("target", next(client, answer).post(chat("gpt-4o")).answer());
    }

    /**
     * The connection for the next request: the same one, unless the answer said that it is the
     * last. The engine's HTTP library ends connections after 400, 413, 503 and some more.
     */
    private RawClient next(RawClient client, RawClient.Answer answer) {
        if (!"close".equalsIgnoreCase(answer.header("Connection"))) {
            return client;
        }
        assertTrue(client.isClosed(), "Connection: close was announced");
        return client();
    }

    @Test
    void aBodyOfExactlyTheLimitIsServed() {
        deployWithLimit(1000);

        client().send(RawClient.head() + "Content-Length: 1000\n\n").send(body(1000)).answer();

        assertArrayEquals(body(1000), provider.only().body());
    }

    // How requests are framed

    @Test
    void aClientThatExpects100ContinueIsToldToGoOn() {
        deployFor("gpt-4o");
        RawClient client = client();
        byte[] body = chat("gpt-4o").getBytes();

        client.send(
                RawClient.head("Expect", "100-continue")
                        + "Content-Length: "
                        + body.length
                        + "\n\n");
        assertEquals(100, client.readHead().status(), "the client waits for this before it sends");
        RawClient.Answer answer = client.send(body).answer();

        assertServedBy("target", answer);
        assertNull(provider.only().header("Expect"), "that was between client and gateway");
        assertServedBy("target", client.post(chat("gpt-4o")).answer());
    }

    /**
     * Without a length there is no body (RFC 9112 section 6.3); the engine waits for one until its
     * socket timeout.
     */
    @Test
    void aPostWithoutLengthIsAnswered() {
        deployFor("gpt-4o");

        RawClient.Answer answer = client().send(RawClient.head() + "\n").answer();

        assertTrue(
                answer.status() >= 400 && answer.status() < 500,
                "a request without a body can't have an answer from a model: "
                        + answer.status()
                        + " "
                        + answer.text());
    }

    @Test
    void aConnectionIsUsedAgainAfterEveryKindOfAnswer() {
        deploy(
                api(provider)
                        .endpoint("refusing", Client.refusingUrl())
                        .failover(FailoverConfigs.target("healthy", "one").attributes())
                        .failover(FailoverConfigs.target("broken", "refusing").attributes())
                        .failover(FailoverConfigs.target("m~status=400~empty", "one").attributes())
                        .failover(FailoverConfigs.target("m~status=503", "one").attributes())
                        .failover(FailoverConfigs.target("m~status=404", "one").attributes()));
        String[][] requests = {
            {"200", chat("healthy")},
            {"200", streamed("healthy")},
            {"502", chat("broken")},
            {"400", "{"},
            {"400", chat("m~status=400~empty")},
            {"503", streamed("m~status=503")},
            {"404", chat("m~status=404")}
        };
        for (String[] first : requests) {
            RawClient client = client();
            for (String[] second : requests) {
                for (String[] request : List.of(first, second)) {
                    RawClient.Answer answer = client.post(request[1]).answer();
                    assertEquals(request[0], String.valueOf(answer.status()), request[1]);
                    client = next(client, answer);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt-4o", "gpt-4o~delay=400ms", "gpt-4o~tokens=30~interval=20ms"})
    void aClientThatPipelinesDoesNotHang(String model) {
        deployFor(model);
        RawClient client = client();

        client.post(chat(model)).post(streamed(model));

        // Listening for a client that leaves costs a pipelining one its connection.
        boolean closed = false;
        for (int answers = 0; answers < 2 && !closed; answers++) {
            try {
                assertServedBy("target", client.answer());
            } catch (AssertionError e) {
                assertFalse(
                        String.valueOf(e.getMessage()).contains("neither answered nor closed"),
                        e.getMessage());
                closed = true;
            }
        }
        assertServedBy("target", ask(chat(model)));
    }
}
