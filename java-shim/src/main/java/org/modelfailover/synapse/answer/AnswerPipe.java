package org.modelfailover.synapse.answer;

import org.modelfailover.executor.Call;
import org.modelfailover.synapse.engine.ClientConnection;
import org.modelfailover.synapse.engine.Engine;
import org.modelfailover.synapse.engine.ResponsePipe;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicBoolean;

/** The pipe through which a client's answer goes out. */
final class AnswerPipe extends ResponsePipe {
    private final Object metrics;
    private final Call call;
    private final WaitingClient client;
    private final AtomicBoolean uncounted = new AtomicBoolean(true);

    /** Whether the executor waits for room. */
    private volatile boolean waiting;

    AnswerPipe(ClientConnection connection, Call call, WaitingClient client) {
        super(connection.configuration);
        metrics = connection.configuration.getMetrics();
        this.call = call;
        this.client = client;
    }

    /** Puts in as much as there is room for. What is left may be offered when there is more. */
    void offerSome(ByteBuffer chunk) throws IOException {
        if (!offer(chunk, false)) {
            waiting = true;
            // Room that was made before `waiting` was set went unnoticed.
            if (offer(chunk, false)) {
                waiting = false;
            }
        }
    }

    @Override
    protected void drained() {
        if (waiting) {
            waiting = false;
            call.writable();
        }
    }

    @Override
    public void consumerError() {
        super.consumerError();
        if (client.isUnserved() && uncounted.compareAndSet(true, false)) {
            Engine.of().unserved(metrics);
        }
        client.gone();
    }
}
