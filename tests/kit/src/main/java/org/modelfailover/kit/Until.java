package org.modelfailover.kit;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;

/** Waits for what has to become true, instead of sleeping and hoping. */
public final class Until {
    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final Duration STEP = Duration.ofMillis(3);

    private Until() {}

    /** Waits until {@code condition} holds; fails with {@code what} and how long it waited. */
    public static void holds(String what, Callable<Boolean> condition) {
        is(what, condition, Boolean.TRUE::equals);
    }

    /**
     * Waits until {@code value} is as wanted and returns it; fails with {@code what} and its last
     * value.
     */
    public static <T> T is(String what, Callable<T> value, Predicate<T> wanted) {
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (true) {
            T now = get(value);
            if (wanted.test(now)) {
                return now;
            }
            if (System.nanoTime() > deadline) {
                throw new AssertionError(
                        what + ": not so after " + LIMIT.toSeconds() + " s; last seen: " + now);
            }
            LockSupport.parkNanos(STEP.toNanos());
        }
    }

    private static <T> T get(Callable<T> value) {
        try {
            return value.call();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }
}
