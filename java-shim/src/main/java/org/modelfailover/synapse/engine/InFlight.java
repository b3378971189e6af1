package org.modelfailover.synapse.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * The exchanges under way. Each is looked at once when it is a few milliseconds old, which most
 * never are, and then seldom: the cost is that of the new ones, however many wait.
 */
public final class InFlight {
    /** What is looked after. */
    public interface Watched {
        /** When it began, of {@link System#nanoTime}. */
        long started();

        /** Looks after it; returns whether it is over. */
        boolean check();
    }

    /** Age from which an exchange listens for a client that leaves. */
    private static final long YOUNG_MILLIS = 10;

    /** Until a deployment is complete, in all likelihood. */
    private static final long SOON_MILLIS = 2_000;

    /** Between two looks at all that are older. */
    private static final long ROUND_MILLIS = 500;

    private static final Queue<Watched> YOUNG = new ConcurrentLinkedQueue<>();
    private static final AtomicBoolean AWAITED = new AtomicBoolean();

    // The sweeper's own.
    private static final List<Watched> OLDER = new ArrayList<>();
    private static boolean roundAwaited;

    private static final HousekeepingThread SWEEPER =
            new HousekeepingThread("model-failover-sweeper");

    private InFlight() {}

    public static void add(Watched exchange) {
        YOUNG.add(exchange);
        if (!AWAITED.get() && AWAITED.compareAndSet(false, true)) {
            try {
                SWEEPER.after(YOUNG_MILLIS, InFlight::lookAtTheYoung);
            } catch (RuntimeException | Error e) {
                AWAITED.set(false);
                throw e;
            }
        }
    }

    /** Runs something short when what is being deployed now is there. */
    public static void soon(Runnable work) {
        SWEEPER.after(SOON_MILLIS, work);
    }

    /** Runs something that never waits. */
    static void now(Runnable work) {
        SWEEPER.now(work);
    }

    private static void lookAtTheYoung() {
        AWAITED.set(false);
        try {
            long born = System.nanoTime() - TimeUnit.MILLISECONDS.toNanos(YOUNG_MILLIS);
            Watched first = YOUNG.peek();
            while (first != null && first.started() - born <= 0) {
                if (!isOver(first)) {
                    keep(first);
                }
                YOUNG.remove();
                first = YOUNG.peek();
            }
        } finally {
            if (!YOUNG.isEmpty() && AWAITED.compareAndSet(false, true)) {
                SWEEPER.surelyAfter(YOUNG_MILLIS, InFlight::lookAtTheYoung);
            }
            awaitRound();
        }
    }

    private static void round() {
        roundAwaited = false;
        try {
            OLDER.removeIf(InFlight::isOver);
        } finally {
            awaitRound();
        }
    }

    private static void awaitRound() {
        if (!roundAwaited && !OLDER.isEmpty()) {
            roundAwaited = true;
            SWEEPER.surelyAfter(ROUND_MILLIS, InFlight::round);
        }
    }

    /** For want of memory nobody may be forgotten: tries again until it is done. */
    private static void keep(Watched exchange) {
        while (true) {
            try {
                OLDER.add(exchange);
                return;
            } catch (VirtualMachineError e) {
                LockSupport.parkNanos(1_000_000);
            }
        }
    }

    /** One broken connection must not keep the others from being looked after. */
    private static boolean isOver(Watched exchange) {
        try {
            return exchange.check();
        } catch (VirtualMachineError e) {
            // Out of memory, or of stack: that passes.
            return false;
        } catch (RuntimeException | Error e) {
            HousekeepingThread.say("A client that waits can't be looked after", e);
            return true;
        }
    }
}
