package org.modelfailover.apimanager;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.executor.Exchange;
import org.modelfailover.gateway.DeploymentFolder;
import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.AnswerPolicies;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.ThisProcess;
import org.modelfailover.kit.Until;
import org.modelfailover.synapse.HandDriven;
import org.wso2.carbon.apimgt.common.analytics.publishers.dto.enums.EventCategory;
import org.wso2.carbon.apimgt.gateway.handlers.analytics.Constants;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** API Manager counts a stream exactly once, at its end, whatever the end is. */
class StreamAccountingTest extends HostGatewayTest {
    private static final String[] USED = {
        "name", "OpenAI",
        "apiVersion", "2.0.0",
        "responseModel", "gpt-4o",
        "promptTokenCount", "11",
        "completionTokenCount", "22",
        "totalTokenCount", "33"
    };
    private static final byte[] HEAD =
            "Content-Type:text/event-stream\n".getBytes(StandardCharsets.ISO_8859_1);

    /** How a stream ends, as the executor tells it. */
    enum End {
        WHOLE {
            @Override
            void tell(Exchange exchange, RawClient client) {
                exchange.used(0, USED);
                exchange.end();
            }
        },
        BROKEN {
            @Override
            void tell(Exchange exchange, RawClient client) {
                exchange.used(0, USED);
                exchange.abort();
            }
        },
        CLIENT_LEFT {
            @Override
            void tell(Exchange exchange, RawClient client) {
                client.leave();
                exchange.used(0, USED);
            }
        };

        abstract void tell(Exchange exchange, RawClient client);
    }

    private ProviderProcess provider;

    @BeforeEach
    void nothingPublishedYet() {
        EngineHandlers.PUBLISHED.clear();
        provider = provider("one");
    }

    private void deployWith(String responsePolicies) {
        TestDeployment api = api(AiProvider.OPENAI).endpoint("one", provider.url());
        if (!responsePolicies.isEmpty()) {
            api.responsePolicy(responsePolicies);
        }
        deploy(api.policy(EngineHandlers.xml() + HandDriven.xml()));
    }

    private static int say(Exchange exchange, String text) {
        return exchange.data(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
    }

    @ParameterizedTest
    @EnumSource
    void tokensAndAnalyticsAreCountedOnceAtTheEnd(End end) throws InterruptedException {
        deployWith("");
        RawClient client = client().post(streamed("gpt-4o"));
        Exchange exchange = HandDriven.next();
        exchange.begin(0, 200, HEAD, null, -1);
        say(exchange, "data: one\n\n");
        client.readHead();
        client.readChunksUntil("one");

        RecordedAnswer head = recorded();
        assertNull(
                head.properties().get("AI_API_RESPONSE_METADATA"),
                "at its head a stream has used nothing that could be counted");
        assertEquals(true, head.properties().get("SKIP_METRICS_PUBLISHING"));
        assertEquals(List.of(), CountedTokens.all(), "counted before the end");

        end.tell(exchange, client);

        CountedTokens counted = counted();
        assertEquals(11, counted.prompt());
        assertEquals(22, counted.completion());
        assertEquals(33, counted.total());
        Analytics published =
                Until.is(
                                "the analytics publish one event",
                                () -> EngineHandlers.PUBLISHED,
                                events -> events.size() == 1)
                        .get(0);
        assertEquals(EventCategory.SUCCESS, published.category());
        assertEquals(200, published.target().getTargetResponseCode());
        assertEquals(provider.url(), published.target().getDestination());
        assertEquals("gpt-4o", published.vendor().get(Constants.AI_MODEL));
        assertEquals(33, published.tokens().get(Constants.AI_TOTAL_TOKEN_USAGE));
        assertEquals(
                0,
                published.latencies().getResponseMediationLatency() / 1000,
                "the time of the stream is the backend's");
        exchange.used(0, USED);
        exchange.end();
        assertEquals(1, AnswerRecorder.answers().size(), "the stream passes the handlers once");
        assertEquals(1, CountedTokens.all().size(), "counted again");
        assertEquals(1, EngineHandlers.PUBLISHED.size(), "published again");
    }

    @Test
    void aStreamThatEndsBeforeItsHeadIsOutIsCountedAllTheSame() throws InterruptedException {
        deployWith("");
        RawClient client = client();
        for (int i = 1; i <= 50; i++) {
            client.post(streamed("gpt-4o"));
            Exchange exchange = HandDriven.next();
            exchange.begin(0, 200, HEAD, null, -1);
            say(exchange, "data: one\n\n");
            exchange.used(0, USED);
            exchange.end();
            assertEquals("data: one\n\n", client.answer().text());
            int streams = i;
            Until.is("streams counted", CountedTokens::all, all -> all.size() == streams);
            Until.is("published", EngineHandlers.PUBLISHED::size, count -> count == streams);
        }
    }

    /** The host counts requests to AI APIs with the answer's tokens. */
    @Test
    void aStreamThatSaysNothingOfItselfIsStillARequestToAnAiApi() throws InterruptedException {
        deployWith("");
        RawClient client = client().post(streamed("gpt-4o"));
        Exchange exchange = HandDriven.next();
        exchange.begin(0, 200, HEAD, null, -1);
        say(exchange, "data: one\n\n");

        exchange.used(0, null);
        exchange.end();

        assertEquals("data: one\n\n", client.answer().text());
        assertEquals(0, counted().total());
        Until.is("one event", () -> EngineHandlers.PUBLISHED, events -> events.size() == 1);
    }

    @Test
    void aResponsePolicyThatThrowsLeavesOneFaultAndTheTokens() throws InterruptedException {
        deployWith(AnswerPolicies.xml(AnswerPolicies.Throws.class));
        RawClient client = client().post(streamed("gpt-4o"));
        Exchange exchange = HandDriven.next();

        exchange.begin(0, 200, HEAD, null, -1);
        assertEquals(500, client.answer().status());
        exchange.used(0, USED);

        assertEquals(33, counted().total());
        assertEquals(
                List.of(),
                EngineHandlers.PUBLISHED,
                "the engine publishes the fault; this one would be a second event");
    }

    @Test
    void aResponsePolicyThatMissesItsLibraryLeavesOneFaultAndTheTokens()
            throws InterruptedException {
        deployWith(AnswerPolicies.xml(AnswerPolicies.MissesItsLibrary.class));
        RawClient client = client().post(streamed("gpt-4o"));
        Exchange exchange = HandDriven.next();

        exchange.begin(0, 200, HEAD, null, -1);
        assertEquals(500, client.answer().status());
        exchange.used(0, USED);

        assertEquals(33, counted().total());
    }

    /** The executor ends its calls before their tasks have said what they used. */
    @Test
    void aStreamThatFailsFirstAndSaysWhatItUsedThenIsCountedWithIt() throws InterruptedException {
        deployWith("");
        RawClient client = client().post(streamed("gpt-4o"));
        Exchange exchange = HandDriven.next();
        exchange.begin(0, 200, HEAD, null, -1);
        say(exchange, "data: one\n\n");
        client.readHead();

        exchange.fail(-1, 503, 101_500, "The failover executor was shut down", -1, "");
        client.readToEnd();
        Until.holds("every worker is free", () -> ThisProcess.busyWorkers().isEmpty());
        exchange.used(0, USED);

        assertEquals(33, counted().total());
        Until.is("one event", () -> EngineHandlers.PUBLISHED, events -> events.size() == 1);
    }

    @Test
    void aStreamThatOutlivesItsRevisionIsPublishedForTheAddressThatServed()
            throws InterruptedException, IOException {
        deployWith("");
        RawClient client = client().post(streamed("gpt-4o"));
        Exchange exchange = HandDriven.next();
        exchange.begin(0, 200, HEAD, null, -1);
        say(exchange, "data: one\n\n");
        client.readHead();

        Path endpoints = folder.resolve("first/endpoints.json");
        String changed = Files.readString(endpoints).replace(provider.url(), provider("two").url());
        Files.writeString(endpoints, changed);
        gateway.redeploy(DeploymentFolder.read(folder.resolve("first")));
        exchange.used(0, USED);
        exchange.end();

        assertEquals(33, counted().total());
        assertEquals(
                provider.url(),
                Until.is("one event", () -> EngineHandlers.PUBLISHED, e -> e.size() == 1)
                        .get(0)
                        .target()
                        .getDestination());
    }

    private void undeployApi() {
        var configuration = gateway.synapseConfiguration();
        configuration.getAPIs().forEach(api -> configuration.removeAPI(api.getName()));
    }

    @Test
    void aStreamThatOutlivesItsApiIsCounted() throws InterruptedException {
        deployWith("");
        RawClient client = client().post(streamed("gpt-4o"));
        Exchange exchange = HandDriven.next();
        exchange.begin(0, 200, HEAD, null, -1);
        say(exchange, "data: one\n\n");
        client.readHead();

        undeployApi();
        exchange.used(0, USED);
        exchange.end();

        client.readChunksUntil("one");
        assertEquals(33, counted().total());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anAnswerThatComesWhenItsApiIsGoneReachesItsClient(boolean stream)
            throws InterruptedException {
        deployWith("");
        RawClient client = client().post(stream ? streamed("gpt-4o") : chat("gpt-4o"));
        Exchange exchange = HandDriven.next();

        undeployApi();
        if (stream) {
            exchange.begin(0, 200, HEAD, null, -1);
            say(exchange, "data: one\n\n");
            exchange.used(0, USED);
            exchange.end();
        } else {
            exchange.answer(0, 200, HEAD, USED, ByteBuffer.wrap("data: one\n\n".getBytes()));
        }

        RawClient.Answer answer = client.answer();
        assertEquals(200, answer.status(), answer.text());
        assertEquals("data: one\n\n", answer.text());
    }

    private static void answerWhole() throws InterruptedException {
        HandDriven.next()
                .answer(
                        0,
                        200,
                        "Content-Type:application/json\n".getBytes(StandardCharsets.ISO_8859_1),
                        USED,
                        ByteBuffer.wrap("{}".getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void theAddressIsToldWithoutWhatMayBeSecret() throws InterruptedException {
        String url = provider.url();
        deploy(
                api(AiProvider.OPENAI)
                        .endpoint(
                                "one",
                                url.replace("://", "://me:sesame@") + "?token=sesame&code=sesame")
                        .policy(EngineHandlers.xml() + HandDriven.xml()));
        RawClient client = client().post(chat("gpt-4o"));

        answerWhole();

        assertEquals("{}", client.answer().text());
        assertEquals(url, recorded().endpointAddress());
    }

    @Test
    void aWholeAnswerIsCountedOnItsWay() throws InterruptedException {
        deployWith("");
        RawClient client = client().post(chat("gpt-4o"));

        answerWhole();

        assertEquals("{}", client.answer().text());
        assertEquals(33, counted().total());
        assertEquals("gpt-4o", recorded().metadata().get("responseModel"));
        assertEquals(provider.url(), recorded().endpointAddress());
        assertNull(
                recorded().properties().get("SKIP_METRICS_PUBLISHING"),
                "the engine publishes a whole answer itself");
    }

    @Test
    void aLargeWholeAnswerOfWhichNothingIsKnownIsPublishedOnItsWayToo()
            throws InterruptedException {
        deployWith("");
        RawClient client = client().post(chat("gpt-4o"));
        Exchange exchange = HandDriven.next();

        exchange.begin(0, 200, HEAD, null, 2);
        exchange.data(ByteBuffer.wrap("{}".getBytes(StandardCharsets.UTF_8)));
        exchange.end();

        assertEquals("{}", client.answer().text());
        assertNull(recorded().properties().get("SKIP_METRICS_PUBLISHING"), "nobody else would");
    }

    @ParameterizedTest
    @EnumSource(names = {"BROKEN", "CLIENT_LEFT"})
    void aCollectedStreamThatIsNeverSentHasUsedItsTokens(End end) throws InterruptedException {
        deployWith(AnswerPolicies.xml(AnswerPolicies.ReadsBody.class));
        RawClient client = client().post(streamed("gpt-4o"));
        Exchange exchange = HandDriven.next();

        // The executor has collected it.
        if (end == End.BROKEN) {
            exchange.fail(0, 502, 101_500, "The model gpt-4o broke off its answer", -1, "");
            exchange.used(0, USED);
            RawClient.Answer answer = client.answer();
            assertEquals(502, answer.status(), answer.text());
            assertEquals(false, answer.text().contains("data: one"), "nothing partial is sent");
        } else {
            end.tell(exchange, client);
        }

        assertEquals(33, counted().total());
    }
}
