package org.modelfailover.synapse.answer;

import org.apache.axis2.AxisFault;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.rest.Handler;
import org.modelfailover.synapse.engine.Engine;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/** A streamed answer: what has to be known at its end, when the host counts it. */
final class StreamedAnswer {
    private static final Log LOG = LogFactory.getLog(StreamedAnswer.class);

    private final WayBack wayBack;
    private final DetachedRequest request;

    /** Those of its API, which may be gone before the stream is. */
    private final List<Handler> handlers;

    /** The context on which the head went out, as soon as it did; null when none did. */
    private final CompletableFuture<Axis2MessageContext> head = new CompletableFuture<>();

    /** Whether what it has used is not known before its end. */
    private final boolean open;

    /** Whether the host has counted it, or is about to. */
    private final AtomicBoolean counted;

    /** The candidate that its head is of, or -1. */
    private final int begunBy;

    /** Who served it to its end. */
    private volatile int candidate = -1;

    /** What it has used: names and values in turn, or null. */
    private volatile String[] metadata;

    /** Whether that is known, even when it is null. */
    private volatile boolean hasSaidWhatItUsed;

    /** Whether the host's analytics wait for its end. */
    private volatile boolean analyticsDeferred;

    /** Bytes that were delivered. */
    private volatile long length;

    /**
     * @param open whether what it has used is not known before its end; otherwise the host counts
     *     it on its way back
     * @param begunBy the candidate that its head is of, or -1
     */
    StreamedAnswer(
            WayBack wayBack,
            DetachedRequest request,
            List<Handler> handlers,
            boolean open,
            int begunBy) {
        this.wayBack = wayBack;
        this.begunBy = begunBy;
        this.request = request;
        this.handlers = handlers;
        this.open = open;
        counted = new AtomicBoolean(!open);
    }

    boolean isOpen() {
        return open;
    }

    /** Its head went out on this context, or on none. */
    void sent(Axis2MessageContext answer) {
        head.complete(answer);
    }

    void delivered(int bytes) {
        length += bytes;
    }

    /** Has the host's analytics wait for its end. */
    void deferAnalytics(Axis2MessageContext answer) {
        analyticsDeferred = Accounting.defer(answer, Engine.of().synapseHandlers(answer));
    }

    /** A failure is sent instead, and published as such. */
    void publishInstead(Axis2MessageContext failure) {
        if (analyticsDeferred) {
            analyticsDeferred = false;
            Accounting.release(failure);
        }
    }

    void used(int candidate, String[] metadata) {
        this.candidate = candidate;
        this.metadata = metadata;
        hasSaidWhatItUsed = true;
        countIfDue();
    }

    /** Lets the host count it, once, when it is known what it has used and its head is out. */
    void countIfDue() {
        if (hasSaidWhatItUsed && counted.compareAndSet(false, true)) {
            head.thenAccept(this::count);
        }
    }

    private void count(Axis2MessageContext sent) {
        Runnable counting = () -> countHere(sent);
        wayBack.onWorker(counting, () -> wayBack.onThisWorker(counting));
    }

    private void countHere(Axis2MessageContext sent) {
        try {
            Axis2MessageContext context = request.ended(sent, length);
            if (candidate != begunBy) {
                // Of the one that began it the head says where it was then.
                wayBack.describe(context, candidate);
            }
            Accounting.put(context, metadata);
            try {
                Accounting.count(context, handlers);
            } finally {
                if (analyticsDeferred) {
                    Accounting.publish(context, Engine.of().synapseHandlers(context));
                }
            }
        } catch (AxisFault | ReflectiveOperationException | RuntimeException | Error e) {
            LOG.error("A streamed answer could not be counted", e);
        }
    }
}
