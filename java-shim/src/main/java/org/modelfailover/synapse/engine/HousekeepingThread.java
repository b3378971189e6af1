package org.modelfailover.synapse.engine;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;

import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A thread for work that never waits.
 *
 * <p>It is there while there is something to do, and a while longer. So it need not be stopped with
 * the bundle, and mediators that are still deployed then are served as before.
 */
public final class HousekeepingThread {
    private static final Log LOG = LogFactory.getLog(HousekeepingThread.class);

    /** How long it waits for something to do: while it lives it keeps a replaced bundle. */
    private static final long LINGER_MILLIS = 1_000;

    private static final String LATER = "Something that was put off failed";

    private final ScheduledThreadPoolExecutor executor;

    public HousekeepingThread(String name) {
        executor =
                new ScheduledThreadPoolExecutor(
                        1,
                        work -> {
                            Thread thread = new Thread(work, name);
                            thread.setDaemon(true);
                            // Not that of the request which happens to make it.
                            thread.setContextClassLoader(HousekeepingThread.class.getClassLoader());
                            return thread;
                        });
        executor.setKeepAliveTime(LINGER_MILLIS, TimeUnit.MILLISECONDS);
        executor.allowCoreThreadTimeOut(true);
    }

    /** Runs something as soon as it can. */
    public void now(Runnable work) {
        executor.execute(() -> guarded(LATER, work));
    }

    /** Runs something after so many milliseconds. */
    void after(long millis, Runnable work) {
        executor.schedule(() -> guarded(LATER, work), millis, TimeUnit.MILLISECONDS);
    }

    /**
     * The same of what nobody may be forgotten by: for want of memory it tries again until it is
     * done.
     */
    public void surelyAfter(long millis, Runnable work) {
        while (true) {
            try {
                after(millis, work);
                return;
            } catch (VirtualMachineError e) {
                LockSupport.parkNanos(1_000_000);
            }
        }
    }

    /**
     * Does something whose failure must not keep anything else from being done.
     *
     * @param failed is logged then
     */
    public static void guarded(String failed, Runnable work) {
        try {
            work.run();
        } catch (RuntimeException | Error e) {
            say(failed, e);
        }
    }

    /** Logs what must not end a thread: saying it can fail for the same reason. */
    public static void say(String what, Throwable why) {
        try {
            LOG.error(what, why);
        } catch (RuntimeException | Error e) {
            // Nobody is left to be told.
        }
    }
}
