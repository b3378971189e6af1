package org.modelfailover.synapse.engine;

import org.apache.axis2.context.MessageContext;
import org.apache.http.nio.NHttpServerConnection;
import org.apache.synapse.transport.passthru.ProtocolState;
import org.apache.synapse.transport.passthru.SourceContext;
import org.apache.synapse.transport.passthru.SourceRequest;
import org.apache.synapse.transport.passthru.config.SourceConfiguration;

/** The connection on which a request came. */
public final class ClientConnection {
    public final NHttpServerConnection connection;
    public final SourceConfiguration configuration;
    public final SourceRequest request;

    private ClientConnection(
            NHttpServerConnection connection,
            SourceConfiguration configuration,
            SourceRequest request) {
        this.connection = connection;
        this.configuration = configuration;
        this.request = request;
    }

    /** The client's connection, or null when the request came through another transport. */
    public static ClientConnection of(MessageContext axis2) {
        Object connection = axis2.getProperty(Properties.SOURCE_CONNECTION);
        Object configuration = axis2.getProperty(Properties.SOURCE_CONFIGURATION);
        Object request = axis2.getProperty(Properties.SOURCE_REQUEST);
        return connection instanceof NHttpServerConnection
                        && configuration instanceof SourceConfiguration
                        && request instanceof SourceRequest
                ? new ClientConnection(
                        (NHttpServerConnection) connection,
                        (SourceConfiguration) configuration,
                        (SourceRequest) request)
                : null;
    }

    /** Takes a request whose body has no end for a complete one; the connection ends with it. */
    public void endRequest() {
        connection.suspendInput();
        SourceContext.updateState(connection, ProtocolState.REQUEST_DONE);
        SourceContext.get(connection).setShutDown(true);
    }

    /** Has the transport close the connection after no less than so many milliseconds. */
    public void allowSilence(long longest) {
        long needed = Math.min(longest + 5_000, Integer.MAX_VALUE);
        int set = connection.getSocketTimeout();
        if (set != 0 && set < needed) {
            connection.setSocketTimeout((int) needed);
        }
    }

    /** Whether the connection is still at this request. */
    public boolean isCurrent() {
        return connection.isOpen() && SourceContext.getRequest(connection) == request;
    }
}
