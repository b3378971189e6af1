package org.modelfailover.synapse.engine;

import org.apache.http.nio.NHttpServerConnection;
import org.apache.synapse.transport.passthru.Pipe;
import org.apache.synapse.transport.passthru.ProtocolState;
import org.apache.synapse.transport.passthru.SourceContext;
import org.apache.synapse.transport.passthru.SourceRequest;
import org.apache.synapse.transport.passthru.SourceResponse;

/**
 * Says when Apache's engine is through with a request, be it answered or its connection closed. The
 * engine itself tells nobody when a client leaves before its answer has begun.
 *
 * <p>Stands before the connection's own context for the length of one request and keeps nothing
 * itself, because the reactor can be at work on the one behind it. For Apache's engine alone: the
 * context of WSO2's has more methods.
 */
final class WatchedContext extends SourceContext {
    private final NHttpServerConnection connection;
    private final SourceContext behind;
    private final Runnable ended;

    private WatchedContext(NHttpServerConnection connection, SourceContext behind, Runnable ended) {
        super(null);
        this.connection = connection;
        this.behind = behind;
        this.ended = ended;
    }

    /**
     * @param ended is run on the thread that ends the request, which may hold the engine's locks
     */
    static void watch(NHttpServerConnection connection, Runnable ended) {
        put(connection, new WatchedContext(connection, get(connection), ended));
    }

    private static void put(NHttpServerConnection connection, SourceContext context) {
        connection.getContext().setAttribute(CONNECTION_INFORMATION, context);
    }

    @Override
    public void reset(boolean isError) {
        put(connection, behind);
        behind.reset(isError);
        ended.run();
    }

    @Override
    public ProtocolState getState() {
        return behind.getState();
    }

    @Override
    public void setState(ProtocolState state) {
        behind.setState(state);
    }

    @Override
    public SourceRequest getRequest() {
        return behind.getRequest();
    }

    @Override
    public void setRequest(SourceRequest request) {
        behind.setRequest(request);
    }

    @Override
    public SourceResponse getResponse() {
        return behind.getResponse();
    }

    @Override
    public void setResponse(SourceResponse response) {
        behind.setResponse(response);
    }

    @Override
    public boolean isShutDown() {
        return behind.isShutDown();
    }

    @Override
    public void setShutDown(boolean shutDown) {
        behind.setShutDown(shutDown);
    }

    @Override
    public Pipe getReader() {
        return behind.getReader();
    }

    @Override
    public void setReader(Pipe reader) {
        behind.setReader(reader);
    }

    @Override
    public Pipe getWriter() {
        return behind.getWriter();
    }

    @Override
    public void setWriter(Pipe writer) {
        behind.setWriter(writer);
    }
}
