package org.modelfailover.robustness;

import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;

/**
 * About 50 MB/s for each connection, so that attacks are attacks on the gateway, and not on the
 * cores that it shares with attackers, providers and innocent callers.
 */
final class Pace {
    /** Bytes at a time. */
    static final int PIECE = 1 << 16;

    private static final long PIECE_NANOS = 1_300_000;

    /** Where bytes go. */
    interface Sink<E extends Exception> {
        void take(byte[] piece) throws E;
    }

    private Pace() {}

    static <E extends Exception> void send(byte[] bytes, Sink<E> sink) throws E {
        for (int from = 0; from < bytes.length; from += PIECE) {
            sink.take(Arrays.copyOfRange(bytes, from, Math.min(from + PIECE, bytes.length)));
            pause();
        }
    }

    /**
     * Sleeps.
     *
     * @param until in the nanoseconds of the JVM's clock
     */
    static void sleepUntil(long until) {
        while (System.nanoTime() < until) {
            LockSupport.parkNanos(20_000_000);
        }
    }

    /** Between two pieces. */
    static void pause() {
        LockSupport.parkNanos(PIECE_NANOS);
    }
}
