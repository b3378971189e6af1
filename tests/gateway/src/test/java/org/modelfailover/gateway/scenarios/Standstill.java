package org.modelfailover.gateway.scenarios;

import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Notes when the machine stood still: a thread that sleeps little and wakes up late. What was meant
 * to happen within a second or two of a suspension can't be judged then.
 */
final class Standstill implements AutoCloseable {
    private static final long NAP = TimeUnit.MILLISECONDS.toNanos(10);

    /** A scenario has at least a second for what it does while a candidate is suspended. */
    private static final Duration LONG = Duration.ofMillis(400);

    private final Queue<long[]> noted = new ConcurrentLinkedQueue<>();
    private final Thread thread = new Thread(this::watch, "standstill");
    private volatile boolean closed;

    Standstill() {
        thread.setDaemon(true);
        thread.start();
    }

    private void watch() {
        long before = System.nanoTime();
        while (!closed) {
            LockSupport.parkNanos(NAP);
            long now = System.nanoTime();
            if (now - before > LONG.toNanos()) {
                noted.add(new long[] {before, now});
            }
            before = now;
        }
    }

    /** Whether there was one since then ({@link System#nanoTime}). */
    boolean since(long moment) {
        return noted.stream().anyMatch(one -> one[1] - moment > 0);
    }

    @Override
    public void close() {
        closed = true;
    }
}
