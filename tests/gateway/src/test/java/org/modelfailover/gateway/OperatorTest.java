package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.modelfailover.executor.Candidate;
import org.modelfailover.executor.Candidate.State;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.Until;

import java.time.Duration;

/** What an operator sees and can do while the gateway runs. */
final class OperatorTest extends GatewayTest {
    private static final String TARGET = "operated-target";
    private static final String FALLBACK = "operated-fallback";

    private ProviderProcess first;
    private ProviderProcess second;

    @BeforeEach
    void deployed() {
        first = closing(ProviderProcess.start("first"));
        second = closing(ProviderProcess.start("second"));
        deploy(
                api(first, second),
                FailoverConfigs.target(TARGET, "one")
                        .fallback(FALLBACK, "two")
                        .suspendDuration("60"));
    }

    /** Each test has an API of its own; earlier ones leave what they know behind. */
    private Candidate candidate(String model) {
        String name = gateway.synapseConfiguration().getAPIs().iterator().next().getAPIName();
        return Candidate.list().stream()
                .filter(candidate -> candidate.model().equals(model))
                .filter(candidate -> name.contains(candidate.api() + ":"))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void everyCandidateIsListedWithItsState() {
        first.set(TARGET, "status=503");
        assertServedBy("second", ask(chat(TARGET)));

        Candidate target = candidate(TARGET);
        assertEquals(State.SUSPENDED, target.state());
        assertEquals("one", target.endpointId());
        assertEquals("1.0.0", target.version());
        assertEquals("carbon.super", target.tenant());
        assertTrue(target.suspendedFor().compareTo(Duration.ofSeconds(50)) > 0, target.toString());
        assertEquals(State.HEALTHY, candidate(FALLBACK).state());
    }

    /** Whose fault a failure is, is known when the request has ended elsewhere. */
    @Test
    void aCandidateUnderSuspicionIsListedAsSuchAndWhatStaysIsAMark() {
        assertServedBy("first", ask(chat(TARGET)));
        first.set(TARGET, "status=500");
        second.set(FALLBACK, "delay=2s");
        RawClient client = client().post(chat(TARGET));

        Until.is(
                "the target is suspected",
                () -> candidate(TARGET).state(),
                state -> state == State.SUSPECTED);
        assertServedBy("second", client.answer());

        Candidate target = candidate(TARGET);
        assertEquals(State.HEALTHY, target.state(), "it has answered somebody lately");
        assertTrue(target.marked());
    }

    @Test
    void aClearedCandidateGetsTrafficAtOnce() {
        first.set(TARGET, "status=503");
        assertServedBy("second", ask(chat(TARGET)));
        first.set(TARGET, "");

        assertTrue(candidate(TARGET).clear());

        assertServedBy("first", ask(chat(TARGET)));
        assertEquals(State.HEALTHY, candidate(TARGET).state());
    }

    @Test
    void aHeldCandidateGetsNothingUntilItIsReleased() {
        assertServedBy("first", ask(chat(TARGET)));
        assertTrue(candidate(TARGET).hold());
        assertServedBy("second", ask(chat(TARGET)));
        assertEquals(State.HELD, candidate(TARGET).state());
        assertEquals(1, first.calls().size(), "the held candidate was called");

        assertTrue(candidate(TARGET).release());

        assertServedBy("first", ask(chat(TARGET)));
    }

    @Test
    void withEveryCandidateHeldTheCallerIsToldSo() {
        assertServedBy("first", ask(chat(TARGET)));
        candidate(TARGET).hold();
        candidate(FALLBACK).hold();

        RawClient.Answer answer = ask(chat(TARGET));

        assertEquals(503, answer.status());
        assertTrue(answer.text().contains("held back by an operator"), answer.text());
        assertEquals(
                1, first.calls().size() + second.calls().size(), "a held candidate was called");
    }

    @Test
    void aHoldOutlivesARedeployment() {
        assertServedBy("first", ask(chat(TARGET)));
        candidate(TARGET).hold();

        gateway.redeploy();

        assertServedBy("second", ask(chat(TARGET)));
    }
}
