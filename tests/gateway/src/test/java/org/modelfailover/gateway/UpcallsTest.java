package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.executor.AttachedPolicy;
import org.modelfailover.executor.Call;
import org.modelfailover.executor.Exchange;
import org.modelfailover.executor.Policy;
import org.modelfailover.executor.UnusableException;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.LogCapture;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.Until;
import org.modelfailover.synapse.HandDriven;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** An exchange that throws ends its own call, and somebody hears of it. */
class UpcallsTest extends GatewayTest {
    private ProviderProcess provider;
    private Policy policy;
    private AttachedPolicy attached;

    @BeforeEach
    void attach() {
        provider = provider("target");
        String configs =
                FailoverConfigs.target("gpt", "one").attributes().get("failoverConfigs").toString();
        policy = new Policy(configs, "");
        attached = policy.attach("t", "upcalls", "1", null, new String[0]);
    }

    @AfterEach
    void close() {
        attached.close();
        policy.close();
    }

    /** Hears everything, and throws where it is told to. */
    private class Listening implements Exchange {
        final List<String> heard = new CopyOnWriteArrayList<>();
        final BlockingQueue<Throwable> failures = new LinkedBlockingQueue<>();
        final Throwable defect;
        private final String where;
        private boolean resolves;
        private Call call;

        Listening(String where, Throwable defect) {
            this.where = where;
            this.defect = defect;
        }

        void start(String body, boolean resolved) {
            resolves = resolved;
            call =
                    attached.prepare(
                            true,
                            "POST",
                            "/chat/completions",
                            "application/json",
                            null,
                            null,
                            "content-type:application/json\n".getBytes(),
                            null,
                            body.getBytes(),
                            0);
            if (where.equals("resolve")) {
                // On this thread, and so before it has begun.
                assertThrows(
                        IllegalStateException.class, () -> call.start(this, true, false, true));
            } else {
                call.start(this, true, false, true);
            }
        }

        private void hear(String what) {
            heard.add(what);
            if (what.equals(where)) {
                throwUnchecked(defect);
            }
        }

        @Override
        public void resolve(int candidate, String path, String[] withheld) {
            hear("resolve");
            if (resolves) {
                try {
                    call.resolved(provider.url(), null, null);
                } catch (UnusableException e) {
                    throw new AssertionError(e);
                }
            }
        }

        @Override
        public void answer(
                int candidate, int status, byte[] headers, String[] metadata, ByteBuffer body) {
            hear("answer");
        }

        @Override
        public void fail(
                int candidate,
                int status,
                int code,
                String message,
                long retryAfter,
                String reasons) {
            hear("fail");
        }

        @Override
        public void begin(
                int candidate, int status, byte[] headers, String[] metadata, long length) {
            hear("begin");
        }

        @Override
        public int data(ByteBuffer chunk) {
            hear("data");
            return chunk.remaining();
        }

        @Override
        public void attempted(int number, boolean flowing, String outcome, long[] numbers) {
            hear("attempted");
        }

        @Override
        public void used(int candidate, String[] metadata) {
            hear("used");
        }

        @Override
        public void end() {
            hear("end");
        }

        @Override
        public void abort() {
            hear("abort");
        }

        @Override
        public String[] facts() {
            hear("facts");
            return new String[0];
        }

        @Override
        public void report(boolean notable, String line) {
            hear("report");
        }

        @Override
        public void failed(String what, Throwable thrown) {
            assertNull(what);
            failures.add(thrown);
            call.cancel();
            hear("failed");
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void throwUnchecked(Throwable thrown) throws T {
        throw (T) thrown;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "resolve",
                "attempted",
                "answer",
                "begin",
                "data",
                "used",
                "end",
                "facts",
                "report"
            })
    void whatAnUpcallThrowsIsToldAndEndsTheCall(String where) throws InterruptedException {
        for (Throwable defect :
                new Throwable[] {
                    new IllegalStateException("no"),
                    new Exception("checked"),
                    new OutOfMemoryError("none left"),
                    new StackOverflowError()
                }) {
            Listening exchange = new Listening(where, defect);
            boolean stream = !List.of("resolve", "answer").contains(where);
            exchange.start(stream ? streamed("gpt") : chat("gpt"), !where.equals("resolve"));

            assertSame(defect, exchange.failures.poll(10, TimeUnit.SECONDS), where);
            assertNoCallIsOpen();
            assertTrue(exchange.failures.isEmpty(), "told once: " + exchange.heard);
        }
        Listening after = new Listening("", null);
        after.start(chat("gpt"), true);
        Until.is("the next call", () -> after.heard, heard -> heard.contains("report"));
        assertEquals(List.of("resolve", "attempted", "answer", "facts", "report"), after.heard);
    }

    @Test
    void oneThatThrowsWhenItIsToldHasNoFurtherEffect() throws InterruptedException {
        Listening exchange = new Listening("answer", new IllegalStateException("no"));
        Listening other =
                new Listening("failed", new IllegalStateException("again")) {
                    @Override
                    public void answer(
                            int candidate,
                            int status,
                            byte[] headers,
                            String[] metadata,
                            ByteBuffer body) {
                        throw new IllegalStateException("first");
                    }
                };
        other.start(chat("gpt"), true);
        exchange.start(chat("gpt"), true);
        assertEquals("first", other.failures.poll(10, TimeUnit.SECONDS).getMessage());
        assertSame(exchange.defect, exchange.failures.poll(10, TimeUnit.SECONDS));
        assertNoCallIsOpen();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theGatewayLogsItOnceWithItsStackAndItsClientIsNotKeptWaiting(boolean begun)
            throws Exception {
        deploy(api(provider).policy(HandDriven.xml()));
        RawClient client = client().post(chat("gpt"));
        try (LogCapture log = new LogCapture()) {
            Exchange exchange = HandDriven.next();
            if (begun) {
                exchange.begin(0, 200, "content-type:text/event-stream\n".getBytes(), null, -1);
                exchange.data(ByteBuffer.wrap("data: 1\n\n".getBytes()));
                client.readHead();
                client.readChunk();
            }

            exchange.failed(null, new IllegalStateException("what should not be"));
            exchange.failed(null, new IllegalStateException("what should not be"));
            // What the native side says then.
            exchange.fail(-1, 500, 101_500, "The Model Failover policy failed", -1, "");

            if (begun) {
                assertTrue(client.isClosed(), "what it has is not the whole");
            } else {
                assertEquals(500, client.answer().status());
            }
            List<String> errors = log.lines("ERROR", "");
            assertEquals(1, errors.size(), log::text);
            assertTrue(errors.get(0).contains("what should not be"), errors.get(0));
            assertTrue(errors.get(0).contains("UpcallsTest"), "its stack: " + errors.get(0));
        }
    }
}
