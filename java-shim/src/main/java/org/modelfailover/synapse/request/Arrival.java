package org.modelfailover.synapse.request;

import org.apache.axis2.context.MessageContext;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.modelfailover.executor.Call;
import org.modelfailover.executor.Executor;
import org.modelfailover.executor.RefusedException;
import org.modelfailover.synapse.api.AttachedApi;
import org.modelfailover.synapse.api.DeployedPolicy;
import org.modelfailover.synapse.endpoint.Endpoints;
import org.modelfailover.synapse.engine.ClientConnection;
import org.modelfailover.synapse.engine.Headers;
import org.modelfailover.synapse.engine.Properties;

/** A request, and what in the policy it is for. */
public final class Arrival {
    public final Axis2MessageContext synapse;
    public final MessageContext axis2;
    public final ClientConnection client;
    public final Endpoints endpoints;
    public final DeployedPolicy policy;
    final AttachedApi api;
    private final boolean production;

    /** What the client says of failing over, or null. */
    private final String control;

    public Arrival(
            Axis2MessageContext synapse,
            ClientConnection client,
            DeployedPolicy policy,
            AttachedApi api,
            boolean production,
            Endpoints endpoints,
            String control) {
        this.synapse = synapse;
        axis2 = synapse.getAxis2MessageContext();
        this.client = client;
        this.policy = policy;
        this.api = api;
        this.production = production;
        this.endpoints = endpoints;
        this.control = control;
    }

    /**
     * Has the executor decide about it.
     *
     * @param reserved bytes that are counted for the body
     * @return its call, or null when it is not the policy's
     * @throws RefusedException when it can't be handled; nothing is counted any more then
     */
    Call prepare(byte[] body, long reserved) {
        boolean prepared = false;
        try {
            Call call =
                    api.policy.prepare(
                            production,
                            (String) axis2.getProperty(Properties.HTTP_METHOD),
                            (String) axis2.getProperty(Properties.URL_POSTFIX),
                            (String) axis2.getProperty(Properties.CONTENT_TYPE),
                            // Whoever has built the body has unpacked it.
                            BuiltBody.isBuilt(axis2)
                                    ? null
                                    : Headers.all(axis2, "Content-Encoding"),
                            control,
                            Headers.block(
                                    axis2.getProperty(Properties.HEADERS),
                                    axis2.getProperty(Properties.EXCESS_HEADERS)),
                            Headers.received(client.request.getRequest()),
                            body,
                            reserved);
            prepared = true;
            return call;
        } finally {
            if (!prepared && reserved > 0) {
                Executor.release(reserved);
            }
        }
    }
}
