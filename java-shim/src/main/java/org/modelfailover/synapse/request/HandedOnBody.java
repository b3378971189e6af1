package org.modelfailover.synapse.request;

import org.modelfailover.executor.Executor;
import org.modelfailover.synapse.engine.ClientConnection;
import org.modelfailover.synapse.engine.ResponsePipe;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A body that was read and is put back for the next mediator or endpoint, byte for byte. Another
 * Failover policy takes it as it is.
 *
 * <p>Counts in {@code max_memory} until its reader has all but what a pipe holds, or the request is
 * over.
 */
final class HandedOnBody extends ResponsePipe {
    private final ClientConnection client;
    private byte[] body;
    private long reserved;

    private HandedOnBody(ClientConnection client, byte[] body, long reserved) {
        super(client.configuration);
        this.client = client;
        this.body = body;
        this.reserved = reserved;
    }

    /**
     * Puts a body back.
     *
     * @param reserved bytes that are counted for it, to be released here
     */
    static HandedOnBody of(ClientConnection client, byte[] body, long reserved) throws IOException {
        HandedOnBody pipe = new HandedOnBody(client, body, reserved);
        pipe.offerAll(ByteBuffer.wrap(body));
        if (pipe.isCounted()) {
            Uploads.watch(pipe);
        }
        return pipe;
    }

    /** The body, or null when somebody has begun to read it. */
    synchronized byte[] untouched() {
        return wasRead() ? null : body;
    }

    /** Leaves the releasing to somebody else; returns how many bytes. */
    synchronized long handOver() {
        long counted = reserved;
        reserved = 0;
        return counted;
    }

    /** Takes back what was {@linkplain #handOver handed over}, when nobody wanted the body. */
    void takeBack(long counted) {
        synchronized (this) {
            reserved = counted;
        }
        if (counted > 0) {
            Uploads.watch(this);
        }
    }

    private synchronized boolean isCounted() {
        return reserved > 0;
    }

    /** Looks after the request now and then; returns whether nothing is counted any more. */
    boolean check() {
        if (!client.isCurrent()) {
            allTaken();
        }
        return !isCounted();
    }

    @Override
    protected void allTaken() {
        long counted = handOver();
        if (counted > 0) {
            Executor.release(counted);
        }
        if (wasRead()) {
            forget();
        }
    }

    private synchronized void forget() {
        body = null;
    }
}
