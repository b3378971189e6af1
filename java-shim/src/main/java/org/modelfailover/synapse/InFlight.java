package org.modelfailover.synapse;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * The exchanges under way. A client that leaves while it waits is not always reported by the
 * engine, so their connections are looked after from time to time.
 */
final class InFlight {
    private static final long PERIOD_MILLIS = 20;
    private static final Set<ClientExchange> EXCHANGES = ConcurrentHashMap.newKeySet();
    private static final ScheduledExecutorService SWEEPER =
            Executors.newSingleThreadScheduledExecutor(
                    work -> {
                        Thread thread = new Thread(work, "model-failover-sweeper");
                        thread.setDaemon(true);
                        return thread;
                    });

    static {
        SWEEPER.scheduleWithFixedDelay(
                InFlight::sweep, PERIOD_MILLIS, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
    }

    private InFlight() {}

    static void add(ClientExchange exchange) {
        EXCHANGES.add(exchange);
    }

    static void shutDown() {
        SWEEPER.shutdown();
    }

    private static void sweep() {
        long now = System.nanoTime();
        EXCHANGES.removeIf(exchange -> isOver(exchange, now));
    }

    private static boolean isOver(ClientExchange exchange, long now) {
        try {
            return exchange.check(now);
        } catch (RuntimeException e) {
            // One broken connection must not keep the others from being looked after.
            return true;
        }
    }
}
