package org.modelfailover.synapse.request;

import org.apache.axis2.context.MessageContext;
import org.apache.http.nio.ContentEncoder;
import org.apache.http.nio.IOControl;
import org.apache.synapse.transport.passthru.Pipe;
import org.apache.synapse.transport.passthru.SourceContext;
import org.apache.synapse.transport.passthru.SourceRequest;
import org.modelfailover.executor.AttachedPolicy;
import org.modelfailover.executor.Executor;
import org.modelfailover.synapse.engine.ClientConnection;
import org.modelfailover.synapse.engine.Properties;
import org.modelfailover.synapse.engine.ResponsePipe;

import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A request's body on its way in. It grows with the bytes that have come, whatever length was
 * announced, and is counted in {@code max_memory} as soon as it is more than the engine's own
 * buffer holds (contract section 9).
 *
 * <p>Plays the connection that empties the pipe, so that nobody has to wait in it: whoever holds
 * the body calls {@link #take} when the pipe says that there is something. One thread at a time.
 */
public final class RequestBody implements ContentEncoder, IOControl {
    /** Where a body is. All but {@code COMING} are its end. */
    enum State {
        COMING,
        COMPLETE,
        /** Larger than {@code max_request_body}. */
        TOO_LARGE,
        /** No room within {@code max_memory}. */
        NO_MEMORY,
        /** Silent for longer than {@code upload_timeout}, or slower than {@link #SLOWEST}. */
        TIMED_OUT,
        /** Its client would have to be waited for, and no worker is left that could. */
        NO_WORKER,
        /** The client went away. */
        GONE
    }

    /**
     * Bytes a second that a client must have sent on average once {@code upload_timeout} is over:
     * what Apache's HTTP server asks for where it is told nothing (mod_reqtimeout).
     */
    static final int SLOWEST = 500;

    /**
     * How long the bytes that follow a refused body are dropped before the client is answered. Many
     * read no answer before they have sent everything, and lose it with the connection.
     */
    static final long LINGER = TimeUnit.SECONDS.toNanos(1);

    /** A client that pauses so long in a refused body waits for its answer. */
    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(100);

    /** Longer than the reactor takes to hand on bytes that have come. */
    static final long STOPPING = TimeUnit.MILLISECONDS.toNanos(20);

    /** Between two looks at the clocks by a thread that waits. */
    private static final long LOOK = TimeUnit.MILLISECONDS.toNanos(100);

    private static final int LARGEST = Integer.MAX_VALUE - 8;
    private static final byte[] NOTHING = new byte[0];

    /** Where the engine keeps the pipe, which has no setter; null when it does not. */
    private static final Field ENGINES_PIPE = enginesPipe();

    private final ClientConnection client;
    private final Pipe pipe;
    private final AttachedPolicy policy;
    private final long declared;
    private final long limit;
    private final long silence;
    private final long started = System.nanoTime();
    private long lastBytes = started;
    private byte[] bytes = NOTHING;
    private int length;
    private long reserved;
    private boolean ended;
    private State refused;
    private long refusedAt;
    private volatile Thread waiting;
    private volatile Runnable listener;
    private volatile boolean stopped;

    /**
     * Begins to take a body out of its pipe.
     *
     * @param policy whose {@code max_memory} counts
     * @param declared the declared length, or -1
     * @param limit the most bytes to keep
     * @param silence the longest silence of the client, in nanoseconds
     */
    RequestBody(
            ClientConnection client,
            Pipe pipe,
            AttachedPolicy policy,
            long declared,
            long limit,
            long silence) {
        this.client = client;
        this.pipe = pipe;
        this.policy = policy;
        this.declared = declared;
        this.limit = Math.min(limit, LARGEST);
        this.silence = silence;
        if (declared > this.limit) {
            refuse(State.TOO_LARGE);
        }
        pipe.attachConsumer(this);
    }

    // What is there

    /**
     * Takes what has come.
     *
     * @throws IOException when the pipe can't be read
     */
    State take() throws IOException {
        int count = ended ? 0 : pipe.consume(this);
        if (!ended) {
            return State.COMING;
        }
        // The pipe says -1 when the client broke off, and ends as if the body were complete.
        if (refused != null) {
            return refused;
        }
        return count < 0 || declared >= 0 && length < declared ? State.GONE : State.COMPLETE;
    }

    /** What the clocks say of a body that is still coming. */
    State look() {
        long now = System.nanoTime();
        if (refused != null) {
            return now - lastBytes > PAUSE || now - refusedAt > LINGER ? refused : State.COMING;
        }
        boolean tooSlow =
                now - started - silence > TimeUnit.SECONDS.toNanos(1) / SLOWEST * (long) length;
        return tooSlow || now - lastBytes > silence ? State.TIMED_OUT : State.COMING;
    }

    /**
     * Takes a body on the calling thread, which waits for its client.
     *
     * @param pause how long at most for the next bytes, in nanoseconds
     * @param total how long at most in all, in nanoseconds
     * @return {@code COMING} when the thread waited as long as it may
     */
    State await(long pause, long total) throws IOException {
        long begun = System.nanoTime();
        waiting = Thread.currentThread();
        try {
            while (true) {
                State state = take();
                state = state == State.COMING ? look() : state;
                long now = System.nanoTime();
                long left = Math.min(pause - (now - lastBytes), total - (now - begun));
                if (state != State.COMING || left <= 0) {
                    return state;
                }
                LockSupport.parkNanos(this, Math.min(left, LOOK));
                if (Thread.currentThread().isInterrupted()) {
                    throw new IOException("Interrupted while a request was read");
                }
            }
        } finally {
            waiting = null;
        }
    }

    /** Has somebody told when more has come, who must not take it on the thread that tells. */
    void tell(Runnable somebody) {
        listener = somebody;
    }

    /** Whether the client has sent all of it, so that its connection can be used again. */
    boolean isAtItsEnd() {
        return ended;
    }

    /**
     * Stops a client that has not sent all of it. No answer goes out before {@link
     * ClientConnection#endRequest}, which has to wait {@link #STOPPING}: the reactor can be at work
     * on bytes that have just come, would overwrite the state of the connection, and does not see
     * its end. If it is, it is told here.
     */
    void stop() {
        stopped = true;
        client.connection.suspendInput();
    }

    /** The body, when it is complete. Not kept here: the engine keeps the pipe, and it us. */
    byte[] bytes() {
        byte[] body = length < bytes.length ? Arrays.copyOf(bytes, length) : bytes;
        bytes = NOTHING;
        if (reserved > body.length) {
            Executor.release(reserved - body.length);
            reserved = body.length;
        }
        return body;
    }

    /** How many bytes are counted for it in {@code max_memory}; whoever asks releases them. */
    long handOver() {
        long counted = reserved;
        reserved = 0;
        return counted;
    }

    /** Nobody wants it any more. */
    void drop() {
        bytes = NOTHING;
        length = 0;
        if (reserved > 0) {
            Executor.release(handOver());
        }
    }

    /**
     * Counts what is buffered from now on, also when it is no more than the engine's buffer. Where
     * there is no room for it, nothing is buffered.
     */
    void count() {
        if (refused == null && !count(bytes.length)) {
            refuse(State.NO_MEMORY);
        }
    }

    private boolean count(long size) {
        if (size > reserved) {
            if (!policy.reserve(reserved, size - reserved)) {
                return false;
            }
            reserved = size;
        }
        return true;
    }

    private void refuse(State why) {
        refused = why;
        refusedAt = System.nanoTime();
        drop();
    }

    private void keep(ByteBuffer from, int count) {
        if (count > limit - length) {
            refuse(State.TOO_LARGE);
        } else if (count > bytes.length - length && !grow(count)) {
            refuse(State.NO_MEMORY);
        } else {
            from.get(bytes, length, count);
            length += count;
        }
    }

    private boolean grow(int count) {
        long needed = (long) length + count;
        long size = Math.max(needed, Math.min(2L * bytes.length, limit));
        if (declared >= 0) {
            size = Math.max(needed, Math.min(size, declared));
        }
        // The first bytes are those of the engine's buffer, and mostly the last.
        if (length > 0 && !count(size)) {
            return false;
        }
        try {
            bytes = Arrays.copyOf(bytes, (int) size);
            return true;
        } catch (OutOfMemoryError e) {
            return false;
        }
    }

    // The connection that the pipe believes it is emptied by

    @Override
    public int write(ByteBuffer from) {
        int count = from.remaining();
        if (count > 0) {
            lastBytes = System.nanoTime();
            if (refused == null) {
                keep(from, count);
            }
            from.position(from.limit());
        }
        return count;
    }

    @Override
    public void complete() {
        ended = true;
    }

    @Override
    public boolean isCompleted() {
        return ended;
    }

    /** Called under the pipe's lock, before the pipe knows that the body is complete. */
    @Override
    public void requestOutput() {
        Thread thread = waiting;
        Runnable somebody = listener;
        if (stopped) {
            client.endRequest();
        } else if (thread != null) {
            LockSupport.unpark(thread);
        } else if (somebody != null) {
            somebody.run();
        }
    }

    @Override
    public void suspendOutput() {}

    @Override
    public void requestInput() {}

    @Override
    public void suspendInput() {}

    @Override
    public void shutdown() {}

    /**
     * Whether the request has a body without an end: neither a length nor chunks (RFC 9112 section
     * 6.3). The engine would wait for the client to close the connection.
     */
    static boolean isUnframed(MessageContext axis2) {
        Object headers = axis2.getProperty(Properties.HEADERS);
        return axis2.getProperty(Properties.PIPE) instanceof Pipe
                && headers instanceof Map
                && !((Map<?, ?>) headers).containsKey("Content-Length")
                && !((Map<?, ?>) headers).containsKey("Transfer-Encoding");
    }

    /** A request's declared length, or -1. */
    static long declaredLength(MessageContext axis2) {
        Object headers = axis2.getProperty(Properties.HEADERS);
        Object length = headers instanceof Map ? ((Map<?, ?>) headers).get("Content-Length") : null;
        try {
            return length == null ? -1 : Long.parseLong(length.toString().trim());
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    /**
     * Lets go of the buffer through which the body came, which the engine keeps as long as the
     * request. Whoever asks for the body from now on finds one that has been read.
     */
    public static void forget(MessageContext axis2, ClientConnection client) {
        Object pipe = axis2.getProperty(Properties.PIPE);
        if (pipe instanceof HandedOnBody) {
            axis2.setProperty(Properties.PIPE, ResponsePipe.ofNothing(client.configuration));
        }
        Pipe engines = client.request.getPipe();
        if (ENGINES_PIPE == null || pipe == null || engines == null) {
            return;
        }
        if (pipe != engines && !(pipe instanceof HandedOnBody)) {
            return;
        }
        Pipe read = ResponsePipe.ofNothing(client.configuration);
        try {
            ENGINES_PIPE.set(client.request, read);
        } catch (IllegalAccessException e) {
            return;
        }
        SourceContext.get(client.connection).setReader(read);
        axis2.setProperty(Properties.PIPE, read);
    }

    private static Field enginesPipe() {
        try {
            Field field = SourceRequest.class.getDeclaredField("pipe");
            field.setAccessible(true);
            return field;
        } catch (NoSuchFieldException | RuntimeException e) {
            return null;
        }
    }
}
