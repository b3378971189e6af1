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
        T last = orLast(LIMIT, STEP, value, wanted);
        if (!wanted.test(last)) {
            throw new AssertionError(
                    what + ": not so after " + LIMIT.toSeconds() + " s; last seen: " + last);
        }
        return last;
    }

    /**
     * Waits until {@code value} is as wanted, and returns what it was last: as wanted, or not when
     * {@code limit} has passed. It is looked at again every {@code step}.
     */
    public static <T> T orLast(
            Duration limit, Duration step, Callable<T> value, Predicate<T> wanted) {
        long deadline = System.nanoTime() + limit.toNanos();
        while (true) {
            T now = get(value);
            if (wanted.test(now) || System.nanoTime() > deadline) {
                return now;
            }
            LockSupport.parkNanos(step.toNanos());
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
