package org.modelfailover.apimanager;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.modelfailover.executor.Exchange;
import org.modelfailover.kit.RawClient;
import org.modelfailover.synapse.HandDriven;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** A gateway whose workers are all busy, with no room left in their queue. */
class ExhaustedWorkersTest extends HostGatewayTest {
    private static final String[] USED = {
        "name", "OpenAI",
        "apiVersion", "2.0.0",
        "responseModel", "gpt-4o",
        "promptTokenCount", "11",
        "completionTokenCount", "22",
        "totalTokenCount", "33"
    };
    private static final int WORKERS = 4;
    private static final byte[] HEAD =
            "Content-Type:text/event-stream\n".getBytes(StandardCharsets.ISO_8859_1);

    private HandDriven.BusyWorkers busy;

    @BeforeEach
    void fewWorkers() {
        System.setProperty("worker_pool_size_core", "" + WORKERS);
        System.setProperty("worker_pool_size_max", "" + WORKERS);
        System.setProperty("worker_pool_queue_length", "2");
        try {
            deploy(
                    api(AiProvider.OPENAI)
                            .endpoint("one", provider("one").url())
                            .policy(HandDriven.xml()));
        } finally {
            System.clearProperty("worker_pool_size_core");
            System.clearProperty("worker_pool_size_max");
            System.clearProperty("worker_pool_queue_length");
        }
    }

    @AfterEach
    void letThemGo() {
        if (busy != null) {
            busy.free();
        }
    }

    private static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void aStreamUnderWayReachesItsEndAndIsCounted() throws InterruptedException {
        RawClient client = client().post(streamed("gpt-4o"));
        Exchange exchange = HandDriven.next();
        exchange.begin(0, 200, HEAD, null, -1);
        client.readHead();

        busy = HandDriven.occupyWorkers(WORKERS);
        exchange.data(bytes("data: one\n\n"));
        exchange.used(0, USED);
        exchange.end();

        assertEquals("data: one\n\n", client.readChunksUntil("one"));
        assertEquals(null, client.readChunk());
        assertEquals(33, counted().total());
    }

    @Test
    void anAnswerIsNoHang() throws InterruptedException {
        RawClient client = client().post(chat("gpt-4o"));
        Exchange exchange = HandDriven.next();

        busy = HandDriven.occupyWorkers(WORKERS);
        exchange.answer(0, 200, HEAD, USED, bytes("{}"));

        assertTrue(client.isClosed(), "nobody can answer");
    }

    /** Were the engine's reactor to hear of it, it would end, and with it the gateway. */
    @Test
    void anAnswerThatIsBeingReadReachesItsEndAndTheGatewayGoesOn() throws InterruptedException {
        String body = "0123456789abcdef".repeat(1 << 20);
        RawClient client = closing(new RawClient(gateway.port(), 1 << 16)).post(chat("gpt-4o"));
        HandDriven.next().answer(0, 200, HEAD, USED, bytes(body));
        counted();

        busy = HandDriven.occupyWorkers(WORKERS);

        assertTrue(client.answer().text().equals(body), "the answer arrives whole");
        busy.free();
        RawClient next = client().post(chat("gpt-4o"));
        HandDriven.next().answer(0, 200, HEAD, USED, bytes("{}"));
        assertEquals("{}", next.answer().text());
    }
}
