package org.modelfailover.synapse.engine;

import org.apache.synapse.transport.passthru.util.ControlledByteBuffer;

import java.nio.ByteBuffer;
import java.util.function.IntSupplier;

/**
 * A pipe's buffer that is as large as what is in it, up to a limit, and nothing while the pipe is
 * empty. A stream is silent most of its time, and thousands may be open.
 *
 * <p>Called by the pipe only, under its lock; what the pipe does not call is not overridden.
 */
final class ElasticBuffer extends ControlledByteBuffer {
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    private final int limit;
    private final IntSupplier wanted;
    private ByteBuffer bytes = NOTHING;
    private boolean flipped;
    private volatile boolean read;

    /**
     * @param limit the most bytes that it holds
     * @param wanted how many bytes would be written next
     */
    ElasticBuffer(int limit, IntSupplier wanted) {
        super(NOTHING);
        this.limit = limit;
        this.wanted = wanted;
    }

    @Override
    public ByteBuffer getByteBuffer() {
        if (!flipped) {
            makeRoom(wanted.getAsInt());
        }
        return bytes;
    }

    private void makeRoom(int count) {
        if (bytes.remaining() >= count || bytes.capacity() == limit) {
            return;
        }
        // At least doubled: each chunk for a slow reader would copy all that wait.
        int size = Math.max(bytes.position() + count, 2 * bytes.capacity());
        ByteBuffer larger = ByteBuffer.allocate(Math.min(size, limit));
        bytes.flip();
        bytes = larger.put(bytes);
    }

    @Override
    public void flip() {
        flipped = true;
        read = true;
        bytes.flip();
    }

    /** Whether anybody has looked for something to read. */
    boolean wasRead() {
        return read;
    }

    @Override
    public void compact() {
        flipped = false;
        bytes.compact();
    }

    @Override
    public void clear() {
        flipped = false;
        bytes = NOTHING;
    }

    @Override
    public int position() {
        return bytes.position();
    }

    @Override
    public boolean hasRemaining() {
        return flipped ? bytes.hasRemaining() : bytes.position() < limit;
    }

    @Override
    public int remaining() {
        return bytes.remaining();
    }

    @Override
    public byte get() {
        return bytes.get();
    }

    @Override
    public ByteBuffer get(byte[] to, int offset, int length) {
        return bytes.get(to, offset, length);
    }
}
