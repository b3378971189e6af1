package org.modelfailover.synapse.request;

import org.modelfailover.synapse.engine.HousekeepingThread;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Looks after the requests that are still coming, on one thread that never waits: copying out of a
 * pipe is all it does, and mediators run on the gateway's workers.
 */
final class Uploads {
    private static final long ROUND_MILLIS = 100;

    private static final Set<Upload> COMING = ConcurrentHashMap.newKeySet();
    private static final Set<HandedOnBody> GOING = ConcurrentHashMap.newKeySet();
    private static final AtomicBoolean AWAITED = new AtomicBoolean();

    private static final HousekeepingThread THREAD =
            new HousekeepingThread("model-failover-uploads");

    private Uploads() {}

    static void add(Upload upload) {
        COMING.add(upload);
        awaitARound();
    }

    static void remove(Upload upload) {
        COMING.remove(upload);
    }

    /** Looks after a body until it is not counted any more. */
    static void watch(HandedOnBody body) {
        GOING.add(body);
        awaitARound();
    }

    /** How many requests are still coming without a worker. */
    static int count() {
        return COMING.size();
    }

    /** Runs something that never waits. */
    static void now(Runnable work) {
        THREAD.now(work);
    }

    private static void awaitARound() {
        if (!AWAITED.get() && AWAITED.compareAndSet(false, true)) {
            THREAD.surelyAfter(ROUND_MILLIS, Uploads::lookAtAll);
        }
    }

    /** One broken connection must not keep the others from being looked after. */
    private static void guarded(Runnable look) {
        HousekeepingThread.guarded(
                "A request that is still coming could not be looked after", look);
    }

    private static void lookAtAll() {
        AWAITED.set(false);
        guarded(() -> COMING.forEach(one -> guarded(one::check)));
        guarded(() -> GOING.removeIf(HandedOnBody::check));
        if (!COMING.isEmpty() || !GOING.isEmpty()) {
            awaitARound();
        }
    }
}
