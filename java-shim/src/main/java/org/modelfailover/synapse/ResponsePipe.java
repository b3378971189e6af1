package org.modelfailover.synapse;

import org.apache.http.nio.ContentDecoder;
import org.apache.http.nio.IOControl;
import org.apache.synapse.transport.passthru.Pipe;
import org.apache.synapse.transport.passthru.config.SourceConfiguration;
import org.apache.synapse.transport.passthru.util.BufferFactory;
import org.apache.synapse.transport.passthru.util.ControlledByteBuffer;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A pass-through pipe that is fed by hand instead of by a connection.
 *
 * <p>Synapse moves bodies from one connection to another through a {@link Pipe}: the producing
 * connection's decoder writes into it, the consuming one's encoder reads from it, on the reactor's
 * threads, and nobody waits. This one plays the producing connection. Its output stream, the
 * obvious way, would make the reactor spin between chunks.
 *
 * <p>One caller at a time may {@link #offer} or {@link #offerAll}.
 */
class ResponsePipe extends Pipe {
    /** The most bytes that wait for the reader. */
    private static final int CAPACITY = 16 * 1024;

    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    private final Producer producer;
    private final BufferFactory buffers;
    private final ElasticBuffer buffer;
    private Thread offering;

    /** What of a whole body does not fit yet; null when the pipe is filled as bytes come. */
    private ByteBuffer rest;

    /**
     * @param configuration the client connection's configuration
     */
    ResponsePipe(SourceConfiguration configuration) {
        this(new Producer(), configuration);
    }

    private ResponsePipe(Producer producer, SourceConfiguration configuration) {
        this(producer, new ElasticBuffer(CAPACITY, producer::waiting), configuration);
    }

    private ResponsePipe(
            Producer producer, ElasticBuffer buffer, SourceConfiguration configuration) {
        super(producer, buffer, "failover", configuration);
        this.producer = producer;
        this.buffer = buffer;
        buffers = configuration.getBufferFactory();
        producer.pipe = this;
    }

    /** A pipe through which a body without bytes has come. */
    static Pipe ofNothing(SourceConfiguration configuration) {
        ResponsePipe pipe = new ResponsePipe(configuration);
        try {
            pipe.offer(ByteBuffer.allocate(0), true);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return pipe;
    }

    /** The reader took something. Called under the pipe's lock, so it may only signal. */
    void drained() {}

    /** All of a body that was {@linkplain #offerAll offered} fits into the pipe now. */
    void allTaken() {}

    /** Whether somebody has begun to read. */
    final boolean wasRead() {
        return buffer.wasRead();
    }

    /**
     * Puts bytes in, as many as fit.
     *
     * @param bytes the bytes; its position moves over what was taken
     * @param last whether the body ends with them
     * @return whether all were taken, and with {@code last} the end too
     */
    final boolean offer(ByteBuffer bytes, boolean last) throws IOException {
        producer.chunk = bytes;
        producer.last = last;
        offering = Thread.currentThread();
        try {
            while (!producer.completed && (bytes.hasRemaining() || last)) {
                if (produce(producer) <= 0) {
                    break;
                }
            }
        } finally {
            offering = null;
            producer.chunk = null;
        }
        return !bytes.hasRemaining() && (!last || producer.completed);
    }

    /**
     * Puts a whole body in: what fits at once, the rest as the reader makes room.
     *
     * @param bytes the body; a direct buffer is copied where it does not fit at once
     */
    final synchronized void offerAll(ByteBuffer bytes) throws IOException {
        if (offer(bytes, true)) {
            allTaken();
            return;
        }
        ByteBuffer later = bytes;
        if (bytes.isDirect()) {
            later = ByteBuffer.allocate(bytes.remaining());
            later.put(bytes).flip();
        }
        rest = later;
        // Room that was made before `rest` was set went unnoticed.
        goOn();
    }

    private synchronized void goOn() {
        if (producer.completed) {
            return;
        }
        try {
            if (offer(rest, true)) {
                rest = NOTHING;
                allTaken();
            }
        } catch (IOException e) {
            // The reader is gone; nobody waits for the rest.
            producerError();
        }
    }

    private void onDrained() {
        if (rest == null) {
            drained();
        } else if (!producer.completed) {
            // Not one of the engine's workers: they can all be busy for long.
            InFlight.now(this::goOn);
        }
    }

    /**
     * The engine asks for the buffer to give it to another connection, and gets another one. Ours
     * is of no use to a connection, and a late write into it must not reach a stranger's answer.
     */
    @Override
    public final ControlledByteBuffer getBuffer() {
        return buffers.getBuffer();
    }

    /**
     * The engine connects an answer to the client in several steps, asks for output itself after
     * the last, and closes the connection when the answer has begun before. So bytes that are
     * offered do not ask for output until the reader has once found the pipe empty.
     */
    @Override
    public final void attachConsumer(IOControl reader) {
        super.attachConsumer(new Consumer(reader));
    }

    /** The connection that empties the pipe. */
    private final class Consumer implements IOControl {
        private final IOControl reader;
        private boolean hasReadAll;

        Consumer(IOControl reader) {
            this.reader = reader;
        }

        @Override
        public void requestOutput() {
            if (hasReadAll || offering != Thread.currentThread()) {
                reader.requestOutput();
            }
        }

        @Override
        public void suspendOutput() {
            hasReadAll = true;
            reader.suspendOutput();
        }

        @Override
        public void requestInput() {
            reader.requestInput();
        }

        @Override
        public void suspendInput() {
            reader.suspendInput();
        }

        @Override
        public void shutdown() throws IOException {
            reader.shutdown();
        }
    }

    /** The connection that the pipe believes it is filled from. */
    private static final class Producer implements IOControl, ContentDecoder {
        private ResponsePipe pipe;
        private ByteBuffer chunk;
        private boolean last;
        private volatile boolean completed;

        int waiting() {
            return chunk.remaining();
        }

        @Override
        public int read(ByteBuffer target) {
            ByteBuffer source = chunk;
            int count = Math.min(source.remaining(), target.remaining());
            if (count > 0) {
                ByteBuffer part = source.duplicate();
                part.limit(part.position() + count);
                target.put(part);
                source.position(source.position() + count);
            }
            if (last && !source.hasRemaining()) {
                completed = true;
                return count > 0 ? count : -1;
            }
            return count;
        }

        @Override
        public boolean isCompleted() {
            return completed;
        }

        @Override
        public void requestInput() {
            pipe.onDrained();
        }

        @Override
        public void suspendInput() {}

        @Override
        public void requestOutput() {}

        @Override
        public void suspendOutput() {}

        @Override
        public void shutdown() {}
    }
}
