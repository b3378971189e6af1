package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.modelfailover.executor.Executor;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.Until;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** A client that goes away ends its call to the provider at once, and nobody else's. */
class LeavingTest extends GatewayTest {
    private static final int TRIES = 7;

    private ProviderProcess provider;

    @BeforeEach
    void providers() {
        provider = provider("target");
    }

    private void deployFor(String model) {
        deploy(api(provider), FailoverConfigs.target(model, "one"));
    }

    /** What a client waits for when it leaves. */
    private enum Moment {
        THE_HEAD("gpt~silent"),
        THE_FIRST_USEFUL_CHUNK("gpt~pings~role-only-then-silence"),
        THE_NEXT_CHUNK("gpt~tokens=3000~interval=20ms"),
        /** More than the kernels keep for a reader who is late. */
        NOTHING_BECAUSE_IT_DOES_NOT_READ("gpt~text=Provider+" + "x".repeat(900) + "~tokens=100000");

        final String model;

        Moment(String model) {
            this.model = model;
        }

        void comes(RawClient client) {
            if (this == THE_NEXT_CHUNK || this == NOTHING_BECAUSE_IT_DOES_NOT_READ) {
                client.readHead();
                client.readChunksUntil("Provider");
            }
        }
    }

    /** What its operating system says of it. */
    private enum How {
        FIN,
        RST,
        /** FIN of a client that would still read. */
        HALF_CLOSE;

        void end(RawClient client) {
            switch (this) {
                case RST -> client.reset();
                case HALF_CLOSE -> client.halfClose();
                default -> client.leave();
            }
        }
    }

    private static Stream<Arguments> momentsAndWays() {
        return Stream.of(Moment.values())
                .flatMap(moment -> Stream.of(How.values()).map(how -> Arguments.of(moment, how)));
    }

    @ParameterizedTest
    @MethodSource("momentsAndWays")
    void theProviderIsLeftWithin100Milliseconds(Moment waitsFor, How how) {
        deployFor(waitsFor.model);
        RawClient other = client().post(streamed(waitsFor.model));
        Until.is("the other client's call is under way", provider::calls, c -> c.size() == 1);
        waitsFor.comes(other);

        long[] millis = new long[TRIES];
        for (int i = 0; i < TRIES; i++) {
            int before = provider.calls().size();
            RawClient client = client().post(streamed(waitsFor.model));
            Until.is("the call is under way", provider::calls, c -> c.size() > before);
            waitsFor.comes(client);
            long left = System.currentTimeMillis();
            how.end(client);
            millis[i] = whenTheProviderWasLeft(before) - left;
        }

        Arrays.sort(millis);
        assertTrue(millis[TRIES / 2] < 100, "milliseconds: " + Arrays.toString(millis));
        assertTrue(millis[TRIES - 1] < 1000, "milliseconds: " + Arrays.toString(millis));
        assertEquals(1, Executor.openCalls(), "the other client is still there");
        if (waitsFor == Moment.THE_NEXT_CHUNK) {
            other.readChunksUntil("data:");
        }
        other.reset();
    }

    private long whenTheProviderWasLeft(int call) {
        return Until.is(
                        "the call at the provider is cancelled",
                        () -> provider.calls().get(call),
                        ProviderProcess.Call::clientLeft)
                .clientLeftAt();
    }

    @Test
    void aClientThatLeavesDuringAFailoverReachesNoFurtherCandidate() {
        ProviderProcess second = provider("second");
        deploy(
                api(provider, second),
                FailoverConfigs.target("gpt-4o~silent", "one")
                        .requestTimeout("0.6")
                        .fallback("claude", "two"));
        RawClient client = client().post(chat("gpt-4o~silent"));
        Until.is("the target was called", provider::calls, c -> c.size() == 1);

        client.leave();
        assertNoCallIsOpen();

        assertEquals("client-left", provider.onlyEnded().end());
        assertEquals(List.of(), second.calls(), "nobody waits for the fallback's answer");
    }

    @Test
    void aClientThatLeavesWhileARetryIsWaitedForIsNotAskedForAgain() {
        String model = "gpt~status=429~retry-after=1";
        deploy(
                api(provider),
                FailoverConfigs.target(model, "one").attribute("maxRetryAfterWait", "30s"));
        RawClient client = client().post(chat(model));
        Until.is("the target was called", provider::calls, c -> c.size() == 1);
        assertEquals("complete", provider.onlyEnded().end());

        client.leave();
        assertNoCallIsOpen();

        assertEquals(1, provider.calls().size());
    }

    @Test
    void hundredClientsThatLeaveAtOnceAreAllNoticed() {
        deployFor("gpt-4o~silent");
        RawClient[] clients = new RawClient[100];
        for (int i = 0; i < clients.length; i++) {
            clients[i] = client().post(chat("gpt-4o~silent"));
        }
        Until.is("all calls have reached the provider", provider::calls, c -> c.size() == 100);

        for (int i = 0; i < clients.length; i++) {
            How.values()[i % 3].end(clients[i]);
        }

        Until.holds(
                "all calls at the provider were cancelled",
                () -> provider.calls().stream().allMatch(ProviderProcess.Call::clientLeft));
    }

    @ParameterizedTest
    @CsvSource({"FIN, false", "FIN, true", "RST, false", "RST, true"})
    void aClientThatLeavesInTheMiddleOfItsRequestReachesNobody(How how, boolean chunked) {
        deployFor("gpt-4o");
        RawClient client = client();

        client.send(
                RawClient.head()
                        + (chunked
                                ? "Transfer-Encoding: chunked\n\n"
                                : "Content-Length: 5000\n\n"));
        // Half a JSON document: at the end of a chunk, the engine takes a FIN for the end of the
        // body.
        byte[] half = ("{\"model\":\"gpt-4o\",\"a\":\"" + "x".repeat(4000)).getBytes();
        client.send(chunked ? Arrays.copyOf(RawClient.chunked(half, 9000), half.length + 7) : half);
        Until.is("what has come is held", Executor::bufferedBytes, held -> held > 0);
        how.end(client);

        Until.is("it is held no longer", Executor::bufferedBytes, held -> held == 0);
        assertServedBy("target", ask(chat("gpt-4o")));
        assertEquals(1, provider.calls().size(), "half a request must not reach a provider");
    }
}
