package org.modelfailover.synapse;

import org.modelfailover.executor.NativeExecutor;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * A streamed answer that is collected, in pieces, which are given away one by one. Its memory is
 * counted until a piece has gone, or all are {@link #release}d.
 */
final class CollectedBody implements ResponsePipe.Pieces {
    private static final int SHORTEST = 8 * 1024;
    private static final int LONGEST = 256 * 1024;

    private final Deque<ByteBuffer> pieces = new ArrayDeque<>();
    private long length;
    private long held;

    /**
     * Adds bytes to it.
     *
     * @return 0, or the status with which its client is to be told that it can't be collected
     */
    synchronized int add(long call, ByteBuffer bytes) {
        ByteBuffer last = pieces.peekLast();
        int room = last == null ? 0 : last.remaining();
        int more = bytes.remaining() - room;
        if (more > 0) {
            // In proportion to what is there: little lies idle, and the pieces are few.
            more = (int) Math.max(more, Math.max(SHORTEST, Math.min(LONGEST, length / 4)));
        }
        length += bytes.remaining();
        int refused = NativeExecutor.reserveAnswer(call, length, held, Math.max(more, 0));
        if (refused != 0) {
            return refused;
        }
        if (room > 0) {
            ByteBuffer part = bytes.duplicate();
            part.limit(part.position() + Math.min(room, part.remaining()));
            last.put(part);
            bytes.position(part.position());
        }
        if (more > 0) {
            held += more;
            try {
                pieces.add(ByteBuffer.allocate(more).put(bytes));
            } catch (OutOfMemoryError e) {
                return 503;
            }
        }
        return 0;
    }

    /** Nothing is added any more. */
    synchronized ResponsePipe.Pieces whole() {
        pieces.forEach(ByteBuffer::flip);
        if (pieces.isEmpty()) {
            pieces.add(ByteBuffer.allocate(0));
        }
        return this;
    }

    @Override
    public synchronized ByteBuffer first() {
        return pieces.peek();
    }

    @Override
    public synchronized boolean isLast() {
        return pieces.size() <= 1;
    }

    @Override
    public synchronized void removeFirst() {
        ByteBuffer gone = pieces.poll();
        if (gone != null) {
            held -= gone.capacity();
            NativeExecutor.release(gone.capacity());
        }
    }

    /** Lets go of all that is left. */
    synchronized void release() {
        pieces.clear();
        NativeExecutor.release(held);
        held = 0;
    }

    synchronized boolean isReleased() {
        return held == 0;
    }
}
