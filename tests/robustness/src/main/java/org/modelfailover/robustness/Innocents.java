package org.modelfailover.robustness;

import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.RawClient;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Callers who ask for short answers, a few times a second each, and measure how long that takes.
 */
final class Innocents implements AutoCloseable {
    private static final int CALLERS = 4;
    private static final int PATIENCE_MILLIS = 5_000;
    private static final long PAUSE_NANOS = 15_000_000;
    private static final long WINDOW_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** One request; {@code wrong} says what was, or is null. */
    private record Sample(long at, long nanos, String wrong) {}

    /** What they saw for a while, in milliseconds. */
    record Seen(double p50, double p99, List<String> wrong, int requests) {
        String told() {
            String times = String.format("%.1f / %.1f ms", p50, p99);
            return wrong.isEmpty() ? times : times + ", " + wrong.size() + " of " + requests;
        }
    }

    private final int port;
    private final List<Sample> samples = new CopyOnWriteArrayList<>();
    private final List<Thread> threads = new ArrayList<>();
    private volatile boolean over;

    Innocents(int port) {
        this.port = port;
        for (int i = 0; i < CALLERS; i++) {
            String name = "innocent" + i;
            threads.add(new Thread(() -> call(name), name));
        }
        threads.forEach(Thread::start);
    }

    private void call(String name) {
        RawClient client = null;
        for (int i = 0; !over; i++) {
            long from = System.nanoTime();
            String wrong = null;
            try {
                if (client == null) {
                    client = new RawClient(port).patience(PATIENCE_MILLIS);
                }
                wrong = ask(client, name + "-" + i);
            } catch (AssertionError | RuntimeException e) {
                wrong = String.valueOf(e.getMessage());
            }
            if (wrong != null && client != null) {
                client.close();
                client = null;
            }
            samples.add(new Sample(from, System.nanoTime() - from, wrong));
            LockSupport.parkNanos(PAUSE_NANOS);
        }
        if (client != null) {
            client.close();
        }
    }

    private static String ask(RawClient client, String text) {
        RawClient.Answer answer = client.post(chat("<<" + text + ">>")).answer();
        if (answer.status() != 200) {
            return answer.status() + " " + answer.text();
        }
        String said = GatewayTest.content(answer.text());
        String by = answer.header("x-failover-endpoint");
        if (by != null && !by.equals(AttackedApis.GOOD)) {
            return "served by " + by + ": somebody else's request has benched the target";
        }
        return said.equals(text) ? null : "another answer: " + answer.text();
    }

    private static String chat(String message) {
        return GatewayTest.chat(AttackedApis.MODEL).replace("\"hi\"", "\"" + message + "\"");
    }

    /** One question, and what was wrong with the answer. */
    static String askOnce(int port) {
        try (RawClient client = new RawClient(port).patience(PATIENCE_MILLIS)) {
            return ask(client, "once");
        } catch (AssertionError | RuntimeException e) {
            return String.valueOf(e.getMessage());
        }
    }

    /** What they saw between two times; the median of the p99 of each second. */
    Seen between(long from, long to) {
        List<Double> all = new ArrayList<>();
        List<Double> highs = new ArrayList<>();
        List<String> wrong = new ArrayList<>();
        for (long window = from; window < to; window += WINDOW_NANOS) {
            long begin = window;
            long end = Math.min(to, window + WINDOW_NANOS);
            List<Double> times = new ArrayList<>();
            for (Sample sample : samples) {
                if (sample.at >= begin && sample.at < end) {
                    times.add(sample.nanos / 1e6);
                    if (sample.wrong != null) {
                        wrong.add(sample.wrong);
                    }
                }
            }
            all.addAll(times);
            // A second in which nobody's question even began is as bad as one without an answer.
            highs.add(times.isEmpty() ? PATIENCE_MILLIS : quantile(times, 0.99));
        }
        return new Seen(quantile(all, 0.5), quantile(highs, 0.5), wrong, all.size());
    }

    private static double quantile(List<Double> values, double share) {
        if (values.isEmpty()) {
            return PATIENCE_MILLIS;
        }
        Collections.sort(values);
        return values.get((int) Math.ceil(share * values.size()) - 1);
    }

    @Override
    public void close() {
        over = true;
        for (Thread thread : threads) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }
}
