package org.modelfailover.synapse.engine;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.modelfailover.executor.Executor;
import org.modelfailover.executor.RefusedException;

import java.util.concurrent.atomic.AtomicLong;

/** What is said when the gateway holds as many bodies as {@code max_memory} allows. */
public final class MaxMemory {
    private static final Log LOG = LogFactory.getLog(MaxMemory.class);

    /** What the client is told. */
    public static final RefusedException REFUSAL = refusal();

    private static final long SILENCE_NANOS = 10_000_000_000L;

    private static final AtomicLong NEXT = new AtomicLong(System.nanoTime());

    private MaxMemory() {}

    private static RefusedException refusal() {
        try {
            Executor.noRoom();
            throw new IllegalStateException("there is always something to say");
        } catch (RefusedException e) {
            return e;
        }
    }

    /** Tells the operator that a request was refused; not each time, because there may be many. */
    public static void refused() {
        long now = System.nanoTime();
        long next = NEXT.get();
        if (now - next >= 0 && NEXT.compareAndSet(next, now + SILENCE_NANOS)) {
            LOG.warn(
                    "Requests are answered 503: all bodies together have reached max_memory, "
                            + Executor.bufferedBytes()
                            + " bytes are held. It is set in deployment.toml, and is a quarter of"
                            + " the JVM's maximum heap otherwise");
        }
    }
}
