package org.modelfailover.apimanager;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.Until;
import org.wso2.carbon.apimgt.common.analytics.publishers.dto.enums.EventCategory;
import org.wso2.carbon.apimgt.gateway.handlers.analytics.Constants;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What an answer tells API Manager's handlers on its way back: the same as with API Manager's own
 * {@code AIAPIMediator} and without any policy.
 */
class WayBackTest extends HostGatewayTest {
    private static final String USAGE = "\"stream_options\":{\"include_usage\":true},";

    /** Who brings the answer. */
    enum Bringer {
        THE_HOST,
        THE_POLICY
    }

    private ProviderProcess deploy(Bringer bringer) {
        ProviderProcess one = provider("one");
        TestDeployment api =
                api(AiProvider.OPENAI)
                        .endpoint("one", one.url())
                        .asDefault()
                        .headerKey("Authorization", "Bearer sk-one");
        if (bringer == Bringer.THE_HOST) {
            deploy(api.hostAiMediator());
        } else {
            deploy(api, FailoverConfigs.target("gpt-4o", "one"));
        }
        return one;
    }

    private void deployTwo(String firstFault) {
        ProviderProcess one = provider("one");
        ProviderProcess two = provider("two");
        one.set("gpt-4o", firstFault);
        deploy(
                api(AiProvider.OPENAI).endpoint("one", one.url()).endpoint("two", two.url()),
                FailoverConfigs.target("gpt-4o", "one")
                        .fallback("gpt-4o-mini", "two")
                        .requestTimeout("0.4"));
    }

    private static String metadata(JsonObject usage, String count) {
        return usage.get(count).getAsString();
    }

    private static void assertCounted(JsonObject usage, CountedTokens counted) {
        assertEquals(usage.get("prompt_tokens").getAsLong(), counted.prompt());
        assertEquals(usage.get("completion_tokens").getAsLong(), counted.completion());
        assertEquals(usage.get("total_tokens").getAsLong(), counted.total());
        assertTrue(
                counted.subscription().startsWith(SubscriberHandler.APPLICATION_ID + ":"),
                counted.toString());
    }

    private static void assertAddress(ProviderProcess provider, RecordedAnswer recorded) {
        assertTrue(
                String.valueOf(recorded.endpointAddress()).startsWith(provider.url()),
                "ENDPOINT_ADDRESS is that of "
                        + provider.name()
                        + ": "
                        + recorded.endpointAddress());
    }

    private static JsonObject usage(String answer) {
        return JsonParser.parseString(answer).getAsJsonObject().getAsJsonObject("usage");
    }

    @ParameterizedTest
    @EnumSource
    void theResponsesMetadataNamesProviderModelAndTokens(Bringer bringer) {
        deploy(bringer);

        RawClient.Answer answer = ask(chat("gpt-4o"));

        JsonObject usage = usage(answer.text());
        Map<String, String> metadata = new HashMap<>(recorded().metadata());
        metadata.remove(
                "requestModel"); // The host's says the response's model, and nobody reads it.
        assertEquals(
                Map.of(
                        "name",
                        "OpenAI",
                        "apiVersion",
                        "2.0.0",
                        "responseModel",
                        "gpt-4o",
                        "promptTokenCount",
                        metadata(usage, "prompt_tokens"),
                        "completionTokenCount",
                        metadata(usage, "completion_tokens"),
                        "totalTokenCount",
                        metadata(usage, "total_tokens")),
                metadata);
    }

    @ParameterizedTest
    @EnumSource
    void tokensCountAgainstTheSubscription(Bringer bringer) {
        deploy(bringer);

        RawClient.Answer answer = ask(chat("gpt-4o"));

        assertCounted(usage(answer.text()), counted());
    }

    @ParameterizedTest
    @EnumSource
    void analyticsSeesASuccessOfTheEndpointThatAnswered(Bringer bringer) {
        ProviderProcess one = deploy(bringer);
        long before = System.currentTimeMillis();

        RawClient.Answer answer = ask(chat("gpt-4o"));

        RecordedAnswer recorded = recorded();
        long asked = recorded.backendRequestTime();
        assertTrue(
                before <= asked && asked <= System.currentTimeMillis(),
                "the backend was asked at " + asked + ", the gateway at " + before);
        assertEquals(200, recorded.status());
        assertEquals(EventCategory.SUCCESS, recorded.analytics().category());
        assertEquals(200, recorded.analytics().target().getTargetResponseCode());
        assertAddress(one, recorded);
        assertEquals(
                usage(answer.text()).get("total_tokens").getAsInt(),
                recorded.analytics().tokens().get(Constants.AI_TOTAL_TOKEN_USAGE));
    }

    /** With the host's mediator this is the engine's business, and 3.0.1 does not do it. */
    @Test
    void theAnswerKeepsTheCorrelationIdOfItsRequest() {
        deploy(Bringer.THE_POLICY);

        ask(chat("gpt-4o"));

        assertEquals(SubscriberHandler.CORRELATION_ID, recorded().analytics().correlationId());
    }

    @ParameterizedTest
    @EnumSource
    void theAnswerSaysWhichOriginsMayReadIt(Bringer bringer) {
        deploy(bringer);

        RawClient.Answer answer = ask(chat("gpt-4o"));

        assertEquals(List.of(CorsHandler.ORIGIN), answer.head().all(CorsHandler.HEADER));
    }

    @Test
    void aPropertyOfAnotherTypeThanItsReadersExpectIsNotLetThrough() {
        deploy(
                api(AiProvider.OPENAI)
                        .endpoint("one", provider("one").url())
                        .hostAiMediator()
                        .responsePolicy("<property name=\"ERROR_CODE\" value=\"900808\"/>"));

        assertEquals(500, ask(chat("gpt-4o")).status());
        assertEquals(List.of(), AnswerRecorder.answers());
    }

    @Test
    void afterAFailureTheOneThatAnsweredCounts() {
        deployTwo("status=503");

        RawClient.Answer answer = ask(chat("gpt-4o"));

        assertServedBy("two", answer);
        RecordedAnswer recorded = recorded();
        assertNull(recorded.errorCode(), "an ERROR_CODE turns a success into a fault");
        assertEquals(EventCategory.SUCCESS, recorded.analytics().category());
        assertAddress(running("two"), recorded);
        assertEquals("gpt-4o-mini", recorded.metadata().get("responseModel"));
        assertCounted(usage(answer.text()), counted());
    }

    @Test
    void aStreamsTokensCountOnceAtItsEnd() {
        deploy(Bringer.THE_POLICY);

        RawClient.Answer answer =
                ask(streamed("gpt-4o").replace("\"messages\"", USAGE + "\"messages\""));

        List<String> events = events(answer.text());
        JsonObject usage = usage(events.get(events.size() - 2));
        assertCounted(usage, counted());
        assertEquals(1, AnswerRecorder.answers().size(), "the stream passes the handlers once");
    }

    @Test
    void whenAllCandidatesFailAnalyticsSeesATargetThatDoesNotAnswer() {
        ProviderProcess one = provider("one");
        one.set("gpt-4o", "silent");
        deploy(
                api(AiProvider.OPENAI)
                        .endpoint("one", one.url())
                        .faultPolicy("<class name=\"" + AnswerRecorder.class.getName() + "\"/>"),
                FailoverConfigs.target("gpt-4o", "one").requestTimeout("0.3"));

        RawClient.Answer answer = ask(chat("gpt-4o"));

        assertEquals(504, answer.status(), answer.text());
        RecordedAnswer recorded = recorded();
        assertTrue(
                recorded.errorCode() >= 101500 && recorded.errorCode() < 101600,
                "an error code of the target's: " + recorded.errorCode());
        assertEquals(EventCategory.FAULT, recorded.analytics().category());
        assertTrue(
                recorded.analytics().fault().startsWith("TARGET_CONNECTIVITY"),
                recorded.analytics().fault());
        assertEquals(Map.of(), recorded.metadata(), "nobody has answered");
        assertEquals(List.of(), CountedTokens.all());
    }

    /** In one piece, and in several. */
    @ParameterizedTest
    @ValueSource(ints = {10, 8000})
    void aWholeAnswerHasItsSizeForTheAnalytics(int tokens) {
        ProviderProcess one = deploy(Bringer.THE_POLICY);
        one.set("gpt-4o", "tokens=" + tokens);

        RawClient.Answer answer = ask(chat("gpt-4o"));

        assertEquals(200, answer.status());
        assertEquals(answer.body().length, recorded().analytics().responseSize());
    }

    @Test
    void aStreamThatAnotherHasBroughtToItsEndIsPublishedAsThatOnes() {
        EngineHandlers.PUBLISHED.clear();
        ProviderProcess one = provider("one");
        ProviderProcess two = provider("two");
        one.set("gpt-4o", "cut=2");
        deploy(
                api(AiProvider.OPENAI)
                        .endpoint("one", one.url())
                        .endpoint("two", two.url())
                        .policy(EngineHandlers.xml()),
                FailoverConfigs.target("gpt-4o", "one").fallback("gpt-4o-mini", "two"));

        RawClient.Answer answer = ask(streamed("gpt-4o"));

        assertEquals(200, answer.status());
        assertEquals("gpt-4o", answer.header("x-failover-model"), "who began it");
        Analytics published =
                Until.is("one event", () -> EngineHandlers.PUBLISHED, events -> events.size() == 1)
                        .get(0);
        assertEquals(two.url(), published.target().getDestination());
        assertEquals("gpt-4o-mini", published.vendor().get(Constants.AI_MODEL));
    }
}
