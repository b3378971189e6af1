package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.kit.AnswerPolicies;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.LogCapture;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.ScriptedProvider;
import org.modelfailover.kit.ThisProcess;
import org.modelfailover.kit.Until;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;

/**
 * Where a response policy needs the body, a stream reaches it, and the client, as a whole answer;
 * no worker waits for it.
 */
class CollectedStreamsTest extends GatewayTest {
    private static final String READS = AnswerPolicies.xml(AnswerPolicies.ReadsBody.class);

    private ProviderProcess provider;

    @BeforeEach
    void providers() {
        provider = provider("target");
        AnswerPolicies.ReadsBody.SEEN.clear();
    }

    private void deployFor(ScriptedProvider scripted) {
        closing(scripted);
        deploy(
                api().endpoint("one", scripted.url()).responsePolicy(READS),
                FailoverConfigs.target("gpt-4o", "one"));
    }

    @Test
    void noWorkerWaitsForThem() {
        String model = "gpt~tokens=5~stall=2";
        deploy(
                api(provider).responsePolicy(READS),
                FailoverConfigs.target(model, "one").requestTimeout("30"));
        RawClient[] clients = new RawClient[100];
        for (int i = 0; i < clients.length; i++) {
            clients[i] = client().post(streamed(model));
        }
        Until.is("calls under way", provider::calls, calls -> calls.size() == clients.length);

        Until.is(
                "no worker is busy while 100 streams are collected",
                ThisProcess::busyWorkers,
                List::isEmpty);
        assertEquals(List.of(), AnswerPolicies.ReadsBody.SEEN, "the streams are not over yet");
        for (RawClient client : clients) {
            client.leave();
        }
    }

    /** Formats with an error event of their own too: the client has nothing of it yet. */
    @ParameterizedTest
    @ValueSource(strings = {"cut=5", "error-after=5", "stall=5"})
    void whatBreaksIsA502WithoutAPartOfTheText(String how) {
        String model = "gpt~tokens=20~" + how;
        deploy(
                api(provider).responsePolicy(READS),
                FailoverConfigs.target(model, "one").attribute("idleTimeout", "1s"));

        RawClient.Answer answer = ask(streamed(model));

        assertEquals(502, answer.status(), answer.text());
        assertFalse(answer.text().contains("Provider"), "something partial: " + answer.text());
        assertTrue(answer.text().contains("Status report"), answer.text());
        assertEquals(
                List.of(), AnswerPolicies.ReadsBody.SEEN, "no policy is shown it as an answer");
    }

    @Test
    void whatBreaksAndIsContinuedIsWhole() {
        String model = "gpt~tokens=20~cut=5";
        deploy(
                api(provider, provider("second")).responsePolicy(READS),
                FailoverConfigs.target(model, "one").fallback("claude", "two"));

        RawClient.Answer answer = ask(streamed(model));

        assertEquals(200, answer.status(), answer.text());
        assertTrue(answer.text().contains("[DONE]"), answer.text());
    }

    @Test
    void whatCanNotBeCompletedIsAFaultAndNothingPartial() {
        deployFor(
                new ScriptedProvider(
                        (head, body, out) -> {
                            out.write(
                                    ScriptedProvider.head(
                                            "HTTP/1.1 200 OK\nContent-Type: audio/mpeg\n"
                                                    + "Transfer-Encoding: chunked"));
                            for (int i = 0; i < 200; i++) {
                                out.write(ScriptedProvider.chunk("half a song ".repeat(1000)));
                            }
                        }));

        RawClient.Answer answer = ask(streamed("gpt-4o"));

        assertEquals(502, answer.status(), answer.text());
        assertFalse(answer.text().contains("song"), "something partial came");
        assertTrue(answer.text().contains("Status report"), answer.text());
    }

    @Test
    void oneThatIsLargerThanTheLimitIsAFaultAndEndsTheCall() {
        deployFor(
                new ScriptedProvider(
                        (head, body, out) -> {
                            out.write(
                                    ScriptedProvider.head(
                                            "HTTP/1.1 200 OK\nContent-Type: audio/mpeg\n"
                                                    + "Transfer-Encoding: chunked"));
                            byte[] chunk = ScriptedProvider.chunk("a song ".repeat(1 << 17));
                            for (int i = 0; i < 80; i++) {
                                out.write(chunk);
                            }
                            out.write(ScriptedProvider.chunk(""));
                        }));

        RawClient.Answer answer = ask(streamed("gpt-4o"));

        assertEquals(502, answer.status(), answer.text());
        assertTrue(answer.text().contains("Status report"), answer.text());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aPolicyMayReplaceTheBody(boolean stream) {
        String model = "gpt~tokens=3000";
        deploy(
                api(provider).responsePolicy(AnswerPolicies.xml(AnswerPolicies.ReplacesBody.class)),
                FailoverConfigs.target(model, "one"));
        RawClient client = client();

        for (int i = 0; i < 3; i++) {
            RawClient.Answer answer = client.post(stream ? streamed(model) : chat(model)).answer();
            assertEquals(200, answer.status());
            assertEquals(AnswerPolicies.ReplacesBody.BODY, answer.text());
        }
    }

    @Test
    void aClientThatLeavesEndsTheCall() {
        String model = "gpt~tokens=3000~interval=20ms";
        deploy(api(provider).responsePolicy(READS), FailoverConfigs.target(model, "one"));
        RawClient client = client().post(streamed(model));
        Until.is("the call is under way", provider::calls, calls -> calls.size() == 1);

        client.leave();

        assertEquals("client-left", provider.onlyEnded().end());
    }

    @ParameterizedTest
    @CsvSource({
        "'', ",
        "<log level=\"custom\"/>, ",
        "<property name=\"a\" value=\"b\" scope=\"transport\"/>, ",
        "<log level=\"full\"/>, LogMediator",
        "<filter source=\"get-property('a')\" regex=\"b\"><then/><else><log"
                + " level=\"full\"/></else></filter>, LogMediator",
        "<class name=\"org.modelfailover.kit.AnswerPolicies$ChangesHeaders\"/>, ",
        "<class name=\"org.modelfailover.kit.AnswerPolicies$ReadsBody\"/>,"
                + " org.modelfailover.kit.AnswerPolicies$ReadsBody",
    })
    void theLogNamesOnceWhichPolicyNeedsTheBody(String policy, String mediator) {
        try (LogCapture log = new LogCapture()) {
            TestDeployment api = api(provider);
            if (!policy.isEmpty()) {
                api.responsePolicy(policy);
            }
            deploy(api, FailoverConfigs.target("gpt", "one"));

            assertServedBy("target", ask(streamed("gpt")));
            assertServedBy("target", ask(streamed("gpt")));

            List<String> warnings = log.lines("WARN", "are collected");
            assertEquals(mediator == null ? 0 : 1, warnings.size(), warnings.toString());
            if (mediator != null) {
                String line = warnings.get(0);
                assertTrue(line.contains("the mediator " + mediator + " in the sequence"), line);
                assertTrue(line.contains("--Out"), line);
                assertTrue(line.contains("of the API Assistant"), line);
            }
        }
    }

    @Test
    void theLogNamesItAtDeploymentWithoutARequest() {
        try (LogCapture log = new LogCapture()) {
            deploy(api(provider).responsePolicy(READS), FailoverConfigs.target("gpt", "one"));

            Until.is("one warning", () -> log.lines("WARN", "are collected"), l -> l.size() == 1);
        }
    }

    @Test
    void whenThePolicyIsGoneStreamsPassAsTheyCome() throws IOException {
        String model = "gpt~tokens=3000~interval=20ms";
        deploy(api(provider).responsePolicy(READS), FailoverConfigs.target(model, "one"));
        RawClient before = client().post(streamed(model));
        Until.is("the call is under way", provider::calls, calls -> calls.size() == 1);
        before.leave();
        assertEquals("client-left", provider.onlyEnded().end());

        Files.delete(folder.resolve("first/response-policies/00-policy.xml"));
        gateway.redeploy(DeploymentFolder.read(folder.resolve("first")));

        RawClient after = client().post(streamed(model));
        after.readHead();
        after.readChunksUntil("Provider");
        after.leave();
    }
}
