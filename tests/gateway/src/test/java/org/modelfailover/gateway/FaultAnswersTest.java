package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.kit.AnswerPolicies;
import org.modelfailover.kit.Client;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;

import java.util.List;
import java.util.stream.Collectors;

/** Where no provider's answer can be given: a clear fault; never a hang, a 202 or an empty 200. */
class FaultAnswersTest extends GatewayTest {
    private ProviderProcess provider;

    @BeforeEach
    void providers() {
        provider = provider("target");
        AnswerPolicies.NotesFault.CODES.clear();
    }

    private void deployWithFaultPolicy(FailoverConfigs configs) {
        deploy(
                api(provider)
                        .endpoint("refusing", Client.refusingUrl())
                        .headerKey("Authorization", "Bearer sk-secret-refusing")
                        .faultPolicy(AnswerPolicies.xml(AnswerPolicies.NotesFault.class)),
                configs);
    }

    private static void assertCode(RawClient.Answer answer) {
        assertInRange(
                JsonParser.parseString(answer.text()).getAsJsonObject().get("code").getAsInt());
    }

    private static void assertInRange(int code) {
        assertTrue(
                code == 303001 || code >= 101500 && code <= 101599,
                "not in the host's range for target connectivity: " + code);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt~close", "gpt~silent", "gpt~empty"})
    void theApisOwnFaultPoliciesSeeWhatFailed(String model) {
        deployWithFaultPolicy(FailoverConfigs.target(model, "one").requestTimeout("0.3"));

        assertTrue(ask(chat(model)).status() >= 502);

        assertEquals(
                2,
                AnswerPolicies.NotesFault.CODES.size(),
                "the API's --Fault sequence did not run");
        assertEquals(
                "Integer",
                AnswerPolicies.NotesFault.CODES.get(0),
                "the host's analytics cast ERROR_CODE to an Integer");
        assertInRange((Integer) AnswerPolicies.NotesFault.CODES.get(1));
    }

    @ParameterizedTest
    @ValueSource(strings = {"malformed", "too large"})
    void theApisOwnFaultPoliciesSeeARefusedRequest(String why) {
        deployWithFaultPolicy(
                FailoverConfigs.target("gpt", "one").attribute("maxRequestBody", "500"));

        ask(why.equals("malformed") ? "{" : chat("gpt") + " ".repeat(500));

        assertEquals(
                2,
                AnswerPolicies.NotesFault.CODES.size(),
                "the API's --Fault sequence did not run");
    }

    private void assertTellsNothingInternal(RawClient.Answer answer) {
        String all =
                answer.text()
                        + answer.head().headers().stream()
                                .map(h -> h[0] + ": " + h[1])
                                .collect(Collectors.joining("\n"));
        for (String internal :
                List.of("127.0.0.1", "localhost", ":" + provider.port(), "sk-", "/v1")) {
            assertFalse(all.contains(internal), internal + " is nobody's business: " + all);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "gpt, refusing, 502",
        "gpt~reset, one, 502",
        "gpt~close, one, 502",
        "gpt~empty, one, 502",
        "gpt~bad-json, one, 502",
        "gpt~cut=0, one, 502",
        "gpt~silent, one, 504",
        "gpt~headers-then-silence, one, 504"
    })
    void whereNoProviderAnswersTheFaultSequenceDoes(String model, String endpoint, int status) {
        deployWithFaultPolicy(FailoverConfigs.target(model, endpoint).requestTimeout("0.3"));

        for (String request : List.of(chat(model), streamed(model))) {
            if (model.equals("gpt~bad-json") && request.equals(streamed(model))) {
                continue;
            }
            RawClient.Answer answer = ask(request);

            String description = assertFault(status, answer);
            assertTrue(description.contains("gpt"), "which model was it? " + description);
            assertNull(answer.header("Retry-After"), "nobody knows when");
            assertCode(answer);
            assertTellsNothingInternal(answer);
        }
    }

    @Test
    void whenEveryCandidateIsSuspendedTheCallerIsToldWhenToComeBack() {
        String model = "gpt~status=503";
        deployWithFaultPolicy(
                FailoverConfigs.target(model, "one")
                        .suspendDuration("60")
                        .attribute("whenAllSuspended", "reject"));
        assertEquals(503, ask(chat(model)).status());
        int calls = provider.calls().size();

        RawClient.Answer answer = ask(chat(model));

        assertFault(503, answer);
        int seconds = Integer.parseInt(answer.header("Retry-After"));
        assertTrue(seconds > 50 && seconds <= 60, "Retry-After: " + seconds);
        assertCode(answer);
        assertTellsNothingInternal(answer);
        assertEquals(calls, provider.calls().size(), "a suspended candidate is not called");
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt~status=502", "gpt~status=503", "gpt~silent", "gpt~cut", "{"})
    void aFaultPolicyThatReadsTheBodyStillAnswers(String model) {
        deploy(
                api(provider).faultPolicy("<log level=\"full\"/>"),
                FailoverConfigs.target(model, "one")
                        .requestTimeout("0.3")
                        .attribute("maxRequestBody", "500"));

        RawClient.Answer answer = ask(model.equals("{") ? model : chat(model));
        RawClient.Answer tooLarge = ask(chat(model) + " ".repeat(500));

        assertTrue(answer.status() >= 400, answer.text());
        assertFault(413, tooLarge);
    }

    @Test
    void whenAllFailTheLastProvidersAnswerIsGiven() {
        ProviderProcess second = provider("second");
        deploy(
                api(provider, second),
                FailoverConfigs.target("gpt~status=500", "one")
                        .fallback("claude~status=529~retry-after=3", "two"));

        RawClient.Answer answer = ask(chat("gpt~status=500"));

        assertEquals(529, answer.status());
        assertEquals("3", answer.header("Retry-After"));
        assertTrue(answer.text().contains("second simulates"), answer.text());
        assertEquals("two", answer.header("x-failover-endpoint"));
    }

    @Test
    void aNameWithMarkupIsHarmlessInTheFaultsText() {
        String model = "gpt<&{{7*7}}~close";
        deployWithFaultPolicy(FailoverConfigs.target(model, "one"));

        RawClient.Answer answer = ask(chat(model));

        assertTrue(assertFault(502, answer).contains(model), answer.text());
    }

    @Test
    void anEndpointThatIsNotDeployedIsLeftOut() {
        deploy(api(provider), FailoverConfigs.target("gpt", "not-there").fallback("claude", "one"));

        RawClient.Answer answer = ask(chat("gpt"));

        assertServedBy("target", answer);
        assertEquals("claude", answer.header("x-failover-model"));
    }

    @Test
    void whenNoEndpointIsDeployedItIsAFault() {
        deploy(api(provider), FailoverConfigs.target("gpt", "not-there"));

        assertFault(502, ask(chat("gpt")));
    }
}
