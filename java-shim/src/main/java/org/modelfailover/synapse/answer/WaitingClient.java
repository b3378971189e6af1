package org.modelfailover.synapse.answer;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.http.HttpVersion;
import org.apache.http.nio.NHttpServerConnection;
import org.apache.http.nio.reactor.SocketAccessor;
import org.apache.synapse.transport.passthru.Pipe;
import org.apache.synapse.transport.passthru.ProtocolState;
import org.apache.synapse.transport.passthru.SourceContext;
import org.modelfailover.synapse.engine.ClientConnection;
import org.modelfailover.synapse.engine.Engine;
import org.modelfailover.synapse.engine.InFlight;

import java.io.IOException;
import java.net.SocketException;
import java.util.concurrent.atomic.AtomicBoolean;

/** The connection of a client that waits for an answer, until it has it or leaves. */
public final class WaitingClient implements InFlight.Watched {
    private static final Log LOG = LogFactory.getLog(WaitingClient.class);

    /** Age in nanoseconds up to which it is made sure that the engine listens. */
    private static final long LISTEN_AGAIN = 2_000_000_000L;

    private final ClientConnection client;
    private final NHttpServerConnection connection;
    private final DetachedRequest request;
    private final Runnable left;
    private final int socketTimeout;
    private final long started = System.nanoTime();
    private final AtomicBoolean over = new AtomicBoolean();

    /**
     * @param left is run when the client leaves before its answer is complete
     */
    WaitingClient(ClientConnection client, DetachedRequest request, Runnable left) {
        this.client = client;
        this.request = request;
        this.left = left;
        connection = client.connection;
        socketTimeout = connection.getSocketTimeout();
    }

    /**
     * Begins to wait.
     *
     * @param pipe the answer's
     * @param longest how long it may have to wait for the next byte, in milliseconds; 0: as long as
     *     it takes
     */
    void await(Pipe pipe, long longest) {
        if (longest == 0) {
            connection.setSocketTimeout(0);
        } else {
            client.allowSilence(longest);
        }
        // Tells us through the pipe when the client goes away while it waits.
        SourceContext.get(connection).setWriter(pipe);
        Engine.of().watch(connection, this::gone);
    }

    /** Bounds the wait for each byte from here on, in milliseconds. */
    void limitSilence(long longest) {
        connection.setSocketTimeout(socketTimeout);
        client.allowSilence(longest);
    }

    /** The answer is none of the pipe's any more. */
    void takePipeAway() {
        SourceContext.get(connection).setWriter(null);
    }

    /** Whether the client has left, or its answer is complete. */
    public boolean isOver() {
        return over.get();
    }

    boolean isConnected() {
        return connection.isOpen();
    }

    /** Whether it is still to be answered as far as the engine knows. */
    boolean isUnserved() {
        return connection.isOpen()
                && SourceContext.getState(connection) != ProtocolState.RESPONSE_DONE;
    }

    /**
     * Marks the wait as over; returns whether it was not. Comes before the last byte, because the
     * client's next request may come right after it, and has a wait of its own.
     */
    boolean finish() {
        boolean first = over.compareAndSet(false, true);
        if (first && connection.isOpen()) {
            connection.setSocketTimeout(socketTimeout);
        }
        return first;
    }

    void gone() {
        if (over.compareAndSet(false, true)) {
            left.run();
        }
    }

    @Override
    public long started() {
        return started;
    }

    /** Looks after the connection now and then. */
    @Override
    public boolean check() {
        if (!client.isCurrent()) {
            gone();
            return true;
        }
        ProtocolState state = SourceContext.getState(connection);
        if (state == ProtocolState.REQUEST_DONE && request.isAnswered()) {
            // An answer that was faster than the engine's note that the request is complete.
            connection.requestOutput();
        }
        if (over.get()) {
            return state.compareTo(ProtocolState.REQUEST_DONE) > 0;
        }
        // The engine does not listen by itself for a client that leaves. Not for the quick
        // majority: listening costs a client that pipelines its next request the connection. More
        // than once: the reactor may be about to stop listening, because the request is complete.
        if (state.compareTo(ProtocolState.REQUEST_DONE) >= 0
                && System.nanoTime() - started < LISTEN_AGAIN) {
            connection.requestInput();
        }
        return false;
    }

    /** Ends the connection so that the client can't take what it has for the whole. */
    void close() {
        if (SourceContext.getRequest(connection) != client.request) {
            return;
        }
        if (client.request.getVersion().lessEquals(HttpVersion.HTTP_1_0)) {
            resetAtTheEnd();
        }
        // Nothing else: with the connection's state gone, WSO2's engine would count the request as
        // one that is still to be answered, and wait for it when the server stops.
        try {
            connection.shutdown();
        } catch (IOException e) {
            LOG.debug("The connection has ended already", e);
        }
    }

    /**
     * To a client of HTTP/1.0 the end of the connection is the end of the answer. A reset is not.
     */
    private void resetAtTheEnd() {
        if (!(connection instanceof SocketAccessor)) {
            return;
        }
        try {
            ((SocketAccessor) connection).getSocket().setSoLinger(true, 0);
        } catch (SocketException e) {
            LOG.debug("The connection has ended already", e);
        }
    }
}
