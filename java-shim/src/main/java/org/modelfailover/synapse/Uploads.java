package org.modelfailover.synapse;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * Looks after the requests that are still coming, on one thread that never waits and ends when
 * there are none: copying out of a pipe is all it does, and mediators run on the gateway's workers.
 */
final class Uploads {
    private static final Log LOG = LogFactory.getLog(Uploads.class);

    private static final long ROUND_MILLIS = 100;

    private static final Set<Upload> COMING = ConcurrentHashMap.newKeySet();
    private static final Set<HandedOnBody> GOING = ConcurrentHashMap.newKeySet();
    private static final AtomicBoolean AWAITED = new AtomicBoolean();

    private static final ScheduledThreadPoolExecutor THREAD =
            new ScheduledThreadPoolExecutor(
                    1,
                    work -> {
                        Thread thread = new Thread(work, "model-failover-uploads");
                        thread.setDaemon(true);
                        // Not that of the request which happens to make it.
                        thread.setContextClassLoader(Uploads.class.getClassLoader());
                        return thread;
                    });

    static {
        THREAD.setKeepAliveTime(10, TimeUnit.SECONDS);
        THREAD.allowCoreThreadTimeOut(true);
    }

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
        THREAD.execute(work);
    }

    /** For want of memory nobody may be forgotten: tries again until it is done. */
    private static void awaitARound() {
        if (AWAITED.get() || !AWAITED.compareAndSet(false, true)) {
            return;
        }
        while (true) {
            try {
                THREAD.schedule(Uploads::lookAtAll, ROUND_MILLIS, TimeUnit.MILLISECONDS);
                return;
            } catch (VirtualMachineError e) {
                LockSupport.parkNanos(1_000_000);
            }
        }
    }

    /** One broken connection must not keep the others from being looked after. */
    private static void guarded(Runnable look) {
        try {
            look.run();
        } catch (RuntimeException | Error e) {
            try {
                LOG.error("A request that is still coming could not be looked after", e);
            } catch (RuntimeException | Error again) {
                // Nobody is left to be told.
            }
        }
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
