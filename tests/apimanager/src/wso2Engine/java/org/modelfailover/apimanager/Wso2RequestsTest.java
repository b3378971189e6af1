package org.modelfailover.apimanager;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.apache.log4j.AppenderSkeleton;
import org.apache.log4j.Level;
import org.apache.log4j.Logger;
import org.apache.log4j.spi.LoggingEvent;
import org.apache.logging.log4j.ThreadContext;
import org.apache.synapse.transport.passthru.config.PassThroughCorrelationConfigDataHolder;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.LogCapture;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.Until;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** What the policy does for WSO2's engine, at requests of every kind. */
class Wso2RequestsTest extends HostGatewayTest {
    private ProviderProcess one;

    @BeforeEach
    void nothingSeenYet() {
        EngineCalls.forget();
        EngineHandlers.PUBLISHED.clear();
        one = provider("one");
    }

    private void deployFor(String model) {
        deploy(
                api(AiProvider.OPENAI)
                        .endpoint("one", one.url())
                        .headerKey("Authorization", "Bearer sk-one")
                        .policy(Wso2Environment.xml()),
                FailoverConfigs.target(model, "one"));
    }

    private static void assertTenantOnWorker() {
        Until.is("a worker is done", EngineCalls::tenants, works -> !works.isEmpty());
        for (List<String> work : EngineCalls.tenants()) {
            assertEquals(List.of("init /assistant/1.0.0/chat/completions", "apply", "clean"), work);
        }
    }

    @Test
    void aWholeAnswerPassesItsHandlersAsTheTenant() {
        deployFor("gpt-4o");

        assertServedBy("one", ask(chat("gpt-4o")));

        assertTenantOnWorker();
        assertInstanceOf(
                Long.class,
                recorded().properties().get("apim.analytics.backend.start.time"),
                "the engine's handlers were not told that the request goes out");
        assertEquals(0, EngineCalls.permitsGivenBack(), "the engine does so when it sends");
        assertEquals(
                List.of(), EngineHandlers.PUBLISHED, "the engine publishes a whole answer itself");
    }

    @Test
    void aStreamPassesThemAsTheTenantAndIsPublishedAtItsEnd() {
        deployFor("gpt-4o");

        assertServedBy("one", ask(streamed("gpt-4o")));

        Until.is("one event", () -> EngineHandlers.PUBLISHED, events -> events.size() == 1);
        assertTenantOnWorker();
        assertEquals(0, EngineCalls.permitsGivenBack(), "the engine does so when it sends");
    }

    @Test
    void aFaultIsAnsweredAsTheTenant() {
        deployFor("gpt-4o~reset");

        assertEquals(502, ask(chat("gpt-4o~reset")).status());

        assertTenantOnWorker();
    }

    @Test
    void aClientThatLeavesGivesItsPermitBackOnce() {
        deployFor("gpt~silent");
        RawClient client = client().post(chat("gpt~silent"));
        Until.is("the call is under way", one::calls, calls -> calls.size() == 1);

        client.leave();

        Until.is("one permit", EngineCalls::permitsGivenBack, count -> count == 1);
        assertNoCallIsOpen();
        assertEquals(1, EngineCalls.permitsGivenBack());
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt-4o", "another-model"})
    void aSlowRequestGoesOnAsTheTenant(String model) throws InterruptedException {
        deployFor("gpt-4o");
        RawClient client = slowly(model);

        assertServedBy("one", client.answer());

        assertTenantOnWorker();
        assertEquals(0, EngineCalls.permitsGivenBack(), "the engine does so when it sends");
    }

    @Test
    void aClientThatLeavesBeforeItsRequestIsThereGivesItsPermitBackOnce()
            throws InterruptedException {
        deployFor("gpt-4o");
        RawClient client = client().send(RawClient.head() + "Content-Length: 1000\n\n{");
        Thread.sleep(150);

        client.leave();

        Until.is("one permit", EngineCalls::permitsGivenBack, count -> count == 1);
    }

    private RawClient slowly(String model) throws InterruptedException {
        byte[] body = chat(model).getBytes();
        RawClient client =
                client().send(RawClient.head() + "Content-Length: " + body.length + "\n\n")
                        .send(Arrays.copyOf(body, 10));
        Thread.sleep(150);
        return client.send(Arrays.copyOfRange(body, 10, body.length));
    }

    @Test
    void aSignatureHoldsOverWhatArrives() {
        String model = "anthropic.claude-3-5-sonnet-20241022-v2:0";
        String secret = "wJalrXUtnFEMI/sign";
        deploy(
                api(AiProvider.BEDROCK)
                        .endpoint("aws", one.url().replaceFirst("/v1$", ""))
                        .awsKey("AKIDONE", secret, "eu-central-1", "bedrock")
                        .policy(Wso2Environment.xml()),
                FailoverConfigs.target(model, "aws"));
        String body = "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Hi\"}]}]}";

        RawClient.Answer answer =
                client().send(
                                "POST /assistant/1.0.0/model/"
                                        + model.replace(":", "%3A")
                                        + "/converse HTTP/1.1\nHost: gateway\n"
                                        + "Content-Type: application/json\nContent-Length: "
                                        + body.length()
                                        + "\n\n"
                                        + body)
                        .answer();

        assertEquals(200, answer.status(), answer.text());
        Signature.assertSigned(one.calls().get(0), "AKIDONE", secret, "eu-central-1");
    }

    @Test
    void anAnswerOfTheFaultSequenceSaysTheRequestsId() {
        deployFor("gpt-4o~reset");

        RawClient.Answer answer = ask(chat("gpt-4o~reset"), "activityid", "request-42");

        assertEquals(502, answer.status());
        assertEquals("request-42", answer.header("activityid"));
    }

    @Test
    void theAttemptLogHasTheRequestsIdInTheLineAndOnIt() {
        List<Object> marks = new CopyOnWriteArrayList<>();
        AppenderSkeleton marking = marking(marks);
        Logger attempts = Logger.getLogger("org.modelfailover.attempts");
        attempts.addAppender(marking);
        deployFor("gpt-4o~reset");
        try (LogCapture log = LogCapture.ofPolicy()) {
            ask(chat("gpt-4o~reset"), "activityid", "request-42");
            String line = log.await("api=", "correlation_id=\"request-42\"").orElseThrow();
            assertTrue(line.contains(" tenant=\"carbon.super\" "), line);
            assertTrue(line.contains(" message_id=\"urn:uuid:"), line);
            assertEquals(List.of("request-42"), marks);
        } finally {
            attempts.removeAppender(marking);
        }
    }

    private static AppenderSkeleton marking(List<Object> marks) {
        return new AppenderSkeleton() {
            @Override
            protected void append(LoggingEvent event) {
                marks.add(String.valueOf(ThreadContext.get("Correlation-ID")));
            }

            @Override
            public void close() {}

            @Override
            public boolean requiresLayout() {
                return false;
            }
        };
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anAttemptIsTwoLinesOfTheCorrelationLogWhereThatIsOn(boolean on) {
        ProviderProcess two = provider("two");
        String secret = "user:pass-w0rd@";
        deploy(
                api(AiProvider.OPENAI)
                        .endpoint("one", one.url().replace("://", "://" + secret) + "?key=s3cret")
                        .headerKey("Authorization", "Bearer sk-one")
                        .endpoint("two", two.url())
                        .policy(Wso2Environment.xml()),
                FailoverConfigs.target("gpt-4o~status=503", "one").fallback("mini", "two"));
        Logger correlation = Logger.getLogger("correlation");
        correlation.setLevel(Level.INFO);
        PassThroughCorrelationConfigDataHolder.setEnable(on);
        try (LogCapture log = new LogCapture()) {
            assertServedBy("two", ask(chat("gpt-4o~status=503"), "activityid", "request-42"));
            ask(streamed("gpt-4o~status=503"));
            log.await("model-failover-2");
            List<String> lines = log.lines("INFO", "|HTTP|");
            if (!on) {
                assertEquals(List.of(), lines);
                return;
            }
            Until.is("lines", () -> log.lines("INFO", "|HTTP|"), all -> all.size() == 8);
            lines = log.lines("INFO", "|HTTP|");
            assertTrue(
                    lines.get(0)
                            .matches("INFO [0-9]+\\|HTTP\\|http://127[^|?@]*\\|BACKEND LATENCY"),
                    lines::toString);
            assertTrue(
                    lines.get(1)
                            .matches(
                                    "INFO [0-9]+\\|HTTP\\|model-failover-1\\|POST\\|http://127[^|?@]*"
                                        + "\\|limited"),
                    lines::toString);
            assertTrue(lines.get(3).endsWith("|answered"), lines::toString);
            for (String leaked : List.of("pass-w0rd", "s3cret", "sk-one", "Bearer")) {
                assertFalse(lines.toString().contains(leaked), lines::toString);
            }
        } finally {
            PassThroughCorrelationConfigDataHolder.setEnable(false);
            correlation.setLevel(null);
        }
    }
}
