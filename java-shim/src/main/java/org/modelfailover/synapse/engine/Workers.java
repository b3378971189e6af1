package org.modelfailover.synapse.engine;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.synapse.transport.passthru.config.SourceConfiguration;

import java.util.concurrent.RejectedExecutionException;

/** The transport's workers, on which everything runs that may block: the host's mediators. */
public final class Workers {
    private static final Log LOG = LogFactory.getLog(Workers.class);

    private Workers() {}

    /**
     * Runs something on one of them.
     *
     * @param loader the class loader of their threads
     * @param otherwise is run on the calling thread when there is none
     */
    public static void run(
            SourceConfiguration configuration,
            ClassLoader loader,
            Runnable work,
            Runnable otherwise) {
        // A worker that the pool makes for this keeps, for all requests to come, the class loader
        // of the thread that asks for it. The executor's threads have none.
        Thread asking = Thread.currentThread();
        ClassLoader own = asking.getContextClassLoader();
        asking.setContextClassLoader(loader);
        try {
            configuration.getWorkerPool().execute(work);
        } catch (RejectedExecutionException e) {
            LOG.error("The gateway has no worker free", e);
            otherwise.run();
        } finally {
            asking.setContextClassLoader(own);
        }
    }
}
