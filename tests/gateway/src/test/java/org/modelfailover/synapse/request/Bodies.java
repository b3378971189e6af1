package org.modelfailover.synapse.request;

import org.apache.synapse.transport.passthru.Pipe;
import org.modelfailover.synapse.engine.ClientConnection;

import java.io.IOException;

/** Requests' bodies for tests that do not look at them. */
public final class Bodies {
    private Bodies() {}

    /** Takes a small body out of its pipe, as the policy does. */
    public static void take(ClientConnection client, Pipe pipe) {
        try {
            new RequestBody(client, pipe, null, -1, 1 << 20, Long.MAX_VALUE)
                    .await(Long.MAX_VALUE, Long.MAX_VALUE);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
