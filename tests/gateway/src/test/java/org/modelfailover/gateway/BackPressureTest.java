package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.ScriptedProvider;
import org.modelfailover.kit.ThisProcess;
import org.modelfailover.kit.Until;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** A client that reads slowly slows its own provider down, and costs nobody else anything. */
class BackPressureTest extends GatewayTest {
    private static final String STREAM =
            "HTTP/1.1 200 OK\nContent-Type: text/event-stream\nTransfer-Encoding: chunked";

    /** The length of an event on the wire. */
    private static final int EVENT = 8192;

    /** The most that the buffers of two connections hold on Linux by default, and some more. */
    private static final long IN_THE_SOCKETS = 32 << 20;

    /** A provider that sends numbered events as fast as it can. */
    private static ScriptedProvider fast(int events, AtomicLong sent) {
        return new ScriptedProvider(
                (head, body, out) -> {
                    out.write(ScriptedProvider.head(STREAM));
                    byte[] event = ScriptedProvider.chunk(event(0));
                    int number = new String(event, StandardCharsets.US_ASCII).indexOf("00000000");
                    for (int i = 0; i < events; i++) {
                        byte[] digits = String.format("%08d", i).getBytes();
                        System.arraycopy(digits, 0, event, number, digits.length);
                        out.write(event);
                        sent.addAndGet(EVENT);
                    }
                    out.write(ScriptedProvider.chunk("data: [DONE]\n\n"));
                    out.write("0\r\n\r\n".getBytes());
                });
    }

    private static String event(int number) {
        String event =
                String.format(
                        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%08d ", number);
        String end = "\"}}]}\n\n";
        return event + "x".repeat(EVENT - event.length() - end.length()) + end;
    }

    private RawClient stalledClient(String model) {
        RawClient client = closing(new RawClient(gateway.port(), 256 << 10));
        client.post(streamed(model));
        client.readHead();
        return client;
    }

    /** Waits until a number has not changed for a while. */
    private static long untilItStands(AtomicLong number) {
        long[] last = {-1, System.nanoTime()};
        Until.holds(
                "the provider is held back",
                () -> {
                    if (number.get() != last[0]) {
                        last[0] = number.get();
                        last[1] = System.nanoTime();
                    }
                    return System.nanoTime() - last[1] > 400_000_000L;
                });
        return last[0];
    }

    @Test
    void aClientThatDoesNotReadStallsItsProviderAndThenGetsEverythingInOrder() {
        int events = 25_000;
        AtomicLong sent = new AtomicLong();
        ScriptedProvider fast = closing(fast(events, sent));
        deploy(api().endpoint("one", fast.url()), FailoverConfigs.target("gpt", "one"));
        RawClient client = stalledClient("gpt");

        long stalledAt = untilItStands(sent);
        assertTrue(
                stalledAt < IN_THE_SOCKETS,
                "nobody reads, and the provider could send " + (stalledAt >> 20) + " of 200 MB");

        int number = 0;
        StringBuilder text = new StringBuilder();
        for (byte[] chunk = client.readChunk(); chunk != null; chunk = client.readChunk()) {
            text.append(new String(chunk, StandardCharsets.US_ASCII));
            for (; text.length() >= EVENT; text.delete(0, EVENT)) {
                assertEquals(event(number++), text.substring(0, EVENT));
            }
        }
        assertEquals(events, number);
        assertEquals("data: [DONE]\n\n", text.toString());
    }

    @Test
    void clientsThatDoNotReadDelayNobody() {
        AtomicLong sent = new AtomicLong();
        Semaphore read = new Semaphore(0);
        ScriptedProvider fast = closing(fast(1 << 20, sent));
        ScriptedProvider patient =
                closing(
                        new ScriptedProvider(
                                (head, body, out) -> {
                                    out.write(ScriptedProvider.head(STREAM));
                                    do {
                                        out.write(ScriptedProvider.chunk(event(1)));
                                        out.flush();
                                    } while (read.tryAcquire(5, TimeUnit.SECONDS));
                                }));
        deploy(
                api().endpoint("one", fast.url())
                        .endpoint("two", patient.url())
                        .failover(FailoverConfigs.target("fast", "one").attributes())
                        .failover(FailoverConfigs.target("patient", "two").attributes()));
        List<RawClient> stalled = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            stalled.add(stalledClient("fast"));
        }
        untilItStands(sent);

        RawClient client = client().post(streamed("patient"));
        client.readHead();
        long[] millis = new long[100];
        for (int i = 0; i < millis.length; i++) {
            readEvent(client);
            long started = System.nanoTime();
            read.release();
            readEvent(client);
            millis[i] = (System.nanoTime() - started) / 1_000_000;
            read.release();
        }
        client.leave();
        stalled.forEach(RawClient::reset);

        Arrays.sort(millis);
        assertTrue(
                millis[millis.length / 2] < 100,
                "milliseconds an event: " + Arrays.toString(millis));
    }

    private static void readEvent(RawClient client) {
        client.readChunksUntil("\n\n");
    }

    @Test
    void aStreamThatIsNotReadTakesABoundedAmountOfMemory() throws IOException {
        int streams = 50;
        AtomicLong sent = new AtomicLong();
        ScriptedProvider fast = closing(fast(1 << 20, sent));
        deploy(api().endpoint("one", fast.url()), FailoverConfigs.target("gpt", "one"));
        stalledClient("gpt").reset();
        assertNoCallIsOpen();
        long before = ThisProcess.memory();

        List<RawClient> clients = new ArrayList<>();
        for (int i = 0; i < streams; i++) {
            clients.add(stalledClient("gpt"));
        }
        untilItStands(sent);

        long each = (ThisProcess.memory() - before) / streams;
        assertTrue(each < 2 << 20, "a stalled stream takes " + (each >> 10) + " KiB");
        clients.forEach(RawClient::reset);
    }
}
