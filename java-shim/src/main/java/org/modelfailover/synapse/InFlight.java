package org.modelfailover.synapse;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The exchanges under way. Each is looked at once when it is a few milliseconds old, which most
 * never are, and then seldom: the cost is that of the new ones, however many wait.
 */
final class InFlight {
    /** Age from which an exchange listens for a client that leaves. */
    private static final long YOUNG_MILLIS = 10;

    /** Until a deployment is complete, in all likelihood. */
    private static final long SOON_MILLIS = 2_000;

    /** Between two looks at all that are older. */
    private static final long ROUND_MILLIS = 500;

    private static final Queue<ClientExchange> YOUNG = new ConcurrentLinkedQueue<>();
    private static final AtomicBoolean AWAITED = new AtomicBoolean();

    // The sweeper's own.
    private static final List<ClientExchange> OLDER = new ArrayList<>();

    // After its end it takes no work, and nobody minds.
    private static final ScheduledExecutorService SWEEPER =
            new ScheduledThreadPoolExecutor(
                    1,
                    work -> {
                        Thread thread = new Thread(work, "model-failover-sweeper");
                        thread.setDaemon(true);
                        return thread;
                    },
                    new ThreadPoolExecutor.DiscardPolicy());

    static {
        SWEEPER.scheduleWithFixedDelay(
                () -> OLDER.removeIf(InFlight::isOver),
                ROUND_MILLIS,
                ROUND_MILLIS,
                TimeUnit.MILLISECONDS);
    }

    private InFlight() {}

    static void add(ClientExchange exchange) {
        YOUNG.add(exchange);
        awaitTheYoung();
    }

    /** Runs something short when what is being deployed now is there. */
    static void soon(Runnable work) {
        SWEEPER.schedule(work, SOON_MILLIS, TimeUnit.MILLISECONDS);
    }

    /** Runs something that never waits. */
    static void now(Runnable work) {
        SWEEPER.execute(work);
    }

    static void shutDown() {
        SWEEPER.shutdown();
    }

    private static void awaitTheYoung() {
        if (!AWAITED.get() && AWAITED.compareAndSet(false, true)) {
            SWEEPER.schedule(InFlight::lookAtTheYoung, YOUNG_MILLIS, TimeUnit.MILLISECONDS);
        }
    }

    private static void lookAtTheYoung() {
        AWAITED.set(false);
        long born = System.nanoTime() - TimeUnit.MILLISECONDS.toNanos(YOUNG_MILLIS);
        ClientExchange first = YOUNG.peek();
        while (first != null && first.started - born <= 0) {
            YOUNG.remove();
            if (!isOver(first)) {
                OLDER.add(first);
            }
            first = YOUNG.peek();
        }
        if (first != null) {
            awaitTheYoung();
        }
    }

    private static boolean isOver(ClientExchange exchange) {
        try {
            return exchange.check();
        } catch (RuntimeException e) {
            // One broken connection must not keep the others from being looked after.
            return true;
        }
    }
}
