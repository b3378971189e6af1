package org.modelfailover.synapse;

import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.rest.Handler;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/** A streamed answer: what has to be known at its end. */
final class Stream {
    /** Those of its API, which may be gone before the stream is. */
    final List<Handler> handlers;

    /** The context on which the head went out, as soon as it did; null when none did. */
    final CompletableFuture<Axis2MessageContext> head = new CompletableFuture<>();

    /** Whether the host has counted it, or is about to. */
    final AtomicBoolean counted = new AtomicBoolean();

    /** What it has used: names and values in turn, or null. */
    volatile String[] metadata;

    /** Whether that is known, even when it is null. */
    volatile boolean hasSaidWhatItUsed;

    /** Whether the host's analytics wait for its end. */
    volatile boolean analyticsHeld;

    /** Bytes that were delivered. */
    volatile long length;

    Stream(List<Handler> handlers) {
        this.handlers = handlers;
    }
}
