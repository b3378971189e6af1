package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

/** What the API's own response policies see of an answer and do with it; never a hang. */
class ResponseFlowTest extends GatewayTest {
    private ProviderProcess provider;

    @BeforeEach
    void providers() {
        provider = provider("target");
        AnswerPolicies.ChangesHeaders.STATUS.clear();
        AnswerPolicies.ReadsBody.SEEN.clear();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aResponsePolicySeesTheAnswerAndMayChangeItsHeaders(boolean stream) {
        String model = "gpt~header=X-Changed:provider~header=X-Removed:provider~tokens=20";
        deploy(
                api(provider)
                        .responsePolicy(AnswerPolicies.xml(AnswerPolicies.ChangesHeaders.class)),
                FailoverConfigs.target(model, "one"));

        RawClient.Answer answer = ask(stream ? streamed(model) : chat(model));

        assertServedBy("target", answer);
        assertEquals("by the API", answer.header("X-Added"));
        assertEquals(List.of("by the API"), answer.head().all("X-Changed"));
        assertNull(answer.header("X-Removed"));
        assertEquals(List.of(200), AnswerPolicies.ChangesHeaders.STATUS, "it runs once");
    }

    @ParameterizedTest
    @CsvSource({"3, false", "3, true", "20000, false", "20000, true"})
    void aResponsePolicyThatReadsTheBodyChangesNothingInIt(int tokens, boolean stream) {
        String model = "gpt~tokens=" + tokens;
        deploy(
                api(provider).responsePolicy(AnswerPolicies.xml(AnswerPolicies.ReadsBody.class)),
                FailoverConfigs.target(model, "one"));
        RawClient client = client();

        for (int i = 0; i < 3; i++) {
            RawClient.Answer answer = client.post(stream ? streamed(model) : chat(model)).answer();
            assertEquals(200, answer.status(), answer.text());
            assertEquals(
                    AnswerPolicies.ReadsBody.SEEN.get(i),
                    answer.text(),
                    "the client gets what the policy saw");
            assertTrue(
                    answer.text().contains("Provider")
                            && answer.text().endsWith(stream ? "data: [DONE]\n\n" : "}"),
                    "the whole answer should have come");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt", "gpt~tokens=20000", "gpt~status=400"})
    void aResponsePolicyThatThrowsIsAFaultAndNotAHang(String model) {
        deploy(
                api(provider).responsePolicy(AnswerPolicies.xml(AnswerPolicies.Throws.class)),
                FailoverConfigs.target(model, "one"));

        assertFault(500, ask(chat(model)));
        assertFault(500, ask(streamed(model)));
        RawClient client = client();
        assertFault(500, client.post(chat(model)).answer());
        assertFault(500, client.post(chat(model)).answer());
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt", "gpt~tokens=20000"})
    void aResponsePolicyThatMissesItsLibraryIsAFaultAndNotAHang(String model) {
        deploy(
                api(provider)
                        .responsePolicy(AnswerPolicies.xml(AnswerPolicies.MissesItsLibrary.class)),
                FailoverConfigs.target(model, "one"));

        assertFault(500, ask(chat(model)));
        assertFault(500, ask(streamed(model)));
    }

    @Test
    void aFaultPolicyThatMissesItsLibraryIsNoHang() {
        deploy(
                api().endpoint("one", Client.refusingUrl())
                        .faultPolicy(AnswerPolicies.xml(AnswerPolicies.MissesItsLibrary.class)),
                FailoverConfigs.target("gpt", "one"));
        RawClient client = client().post(chat("gpt"));

        assertTrue(client.isClosed(), "there is nobody left who could answer");
    }

    @Test
    void aResponsePolicyThatThrowsEndsTheStreamAtTheProvider() {
        String model = "gpt~tokens=5000~interval=20ms";
        deploy(
                api(provider).responsePolicy(AnswerPolicies.xml(AnswerPolicies.Throws.class)),
                FailoverConfigs.target(model, "one"));

        assertFault(500, ask(streamed(model)));

        assertEquals("client-left", provider.onlyEnded().end());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anAnswerIsWholeHoweverLongTheEngineTakesToSendItsHead(boolean stream) {
        String model = "gpt~tokens=30~interval=20ms";
        deploy(
                api(provider)
                        .responsePolicy(AnswerPolicies.xml(AnswerPolicies.HandsOverSlowly.class)),
                FailoverConfigs.target(model, "one"));

        RawClient.Answer answer = ask(stream ? streamed(model) : chat(model));

        assertServedBy("target", answer);
        assertTrue(answer.text().endsWith(stream ? "data: [DONE]\n\n" : "}"), answer.text());
    }
}
