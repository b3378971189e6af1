package org.modelfailover.synapse;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * The exchanges under way. Each is looked at once when it is a few milliseconds old, which most
 * never are, and then seldom: the cost is that of the new ones, however many wait.
 *
 * <p>There is a thread for it while there is something to do, and a while longer. So it need not be
 * stopped with the bundle, and mediators that are still deployed then are served as before.
 */
final class InFlight {
    /** What is looked after. */
    interface Watched {
        /** When it began, of {@link System#nanoTime}. */
        long started();

        /** Looks after it; returns whether it is over. */
        boolean check();
    }

    private static final Log LOG = LogFactory.getLog(InFlight.class);

    /** Age from which an exchange listens for a client that leaves. */
    private static final long YOUNG_MILLIS = 10;

    /** Until a deployment is complete, in all likelihood. */
    private static final long SOON_MILLIS = 2_000;

    /** Between two looks at all that are older. */
    private static final long ROUND_MILLIS = 500;

    /** How long the thread waits for something to do. */
    private static final long LINGER_MILLIS = 1_000;

    private static final Queue<Watched> YOUNG = new ConcurrentLinkedQueue<>();
    private static final AtomicBoolean AWAITED = new AtomicBoolean();

    // The sweeper's own.
    private static final List<Watched> OLDER = new ArrayList<>();
    private static boolean roundAwaited;

    private static final ScheduledThreadPoolExecutor SWEEPER = sweeper();

    private InFlight() {}

    private static ScheduledThreadPoolExecutor sweeper() {
        ScheduledThreadPoolExecutor sweeper =
                new ScheduledThreadPoolExecutor(
                        1,
                        work -> {
                            Thread thread = new Thread(work, "model-failover-sweeper");
                            thread.setDaemon(true);
                            // Not that of the request which happens to make it.
                            thread.setContextClassLoader(InFlight.class.getClassLoader());
                            return thread;
                        });
        sweeper.setKeepAliveTime(LINGER_MILLIS, TimeUnit.MILLISECONDS);
        sweeper.allowCoreThreadTimeOut(true);
        return sweeper;
    }

    static void add(Watched exchange) {
        YOUNG.add(exchange);
        if (!AWAITED.get() && AWAITED.compareAndSet(false, true)) {
            try {
                SWEEPER.schedule(InFlight::lookAtTheYoung, YOUNG_MILLIS, TimeUnit.MILLISECONDS);
            } catch (RuntimeException | Error e) {
                AWAITED.set(false);
                throw e;
            }
        }
    }

    /** Runs something short when what is being deployed now is there. */
    static void soon(Runnable work) {
        SWEEPER.schedule(() -> guarded(work), SOON_MILLIS, TimeUnit.MILLISECONDS);
    }

    /** Runs something that never waits. */
    static void now(Runnable work) {
        SWEEPER.execute(() -> guarded(work));
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
                schedule(InFlight::lookAtTheYoung, YOUNG_MILLIS);
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
            schedule(InFlight::round, ROUND_MILLIS);
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

    private static void schedule(Runnable work, long millis) {
        while (true) {
            try {
                SWEEPER.schedule(work, millis, TimeUnit.MILLISECONDS);
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
            say("A client that waits can't be looked after", e);
            return true;
        }
    }

    private static void guarded(Runnable work) {
        try {
            work.run();
        } catch (RuntimeException | Error e) {
            say("Something that was put off failed", e);
        }
    }

    /** Logs what must not end a thread: saying it can fail for the same reason. */
    static void say(String what, Throwable why) {
        try {
            LOG.error(what, why);
        } catch (RuntimeException | Error e) {
            // Nobody is left to be told.
        }
    }
}
