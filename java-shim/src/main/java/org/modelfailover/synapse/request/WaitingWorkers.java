package org.modelfailover.synapse.request;

import org.apache.synapse.transport.passthru.config.PassThroughConfiguration;
import org.modelfailover.executor.RefusedException;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The workers that wait for a client's request themselves, because it is not known how to go on
 * without them. At most half of the pool: the other half is everybody's.
 */
final class WaitingWorkers {
    /** What the client is told whom none of them waits for. */
    static final RefusedException REFUSAL =
            new RefusedException(
                    503, 503, "The gateway waits for as many slow requests as it can", 1);

    private static final AtomicInteger WAITING = new AtomicInteger();

    private WaitingWorkers() {}

    /** Waits for the end of a body. */
    static RequestBody.State await(RequestBody body) throws IOException {
        // With its usual, endless queue the pool never has more than these.
        int most = PassThroughConfiguration.getInstance().getWorkerPoolCoreSize() / 2;
        try {
            return WAITING.incrementAndGet() > Math.max(most, 1)
                    ? RequestBody.State.NO_WORKER
                    : body.await(Long.MAX_VALUE, Long.MAX_VALUE);
        } finally {
            WAITING.decrementAndGet();
        }
    }
}
