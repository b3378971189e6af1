package org.modelfailover.gateway.host;

import org.apache.synapse.ManagedLifecycle;
import org.apache.synapse.MessageContext;
import org.apache.synapse.core.SynapseEnvironment;
import org.apache.synapse.endpoints.Endpoint;
import org.apache.synapse.mediators.AbstractMediator;

/**
 * Stands for {@code org.apache.synapse.mediators.builtin.CallMediator} of WSO2's Synapse.
 *
 * <p>The host's calls without blocking and goes on with the mediator behind it when the answer
 * comes. Synapse 3.0.1 has no continuation, so this one is the last step of the request: it hands
 * the message to the endpoint and the answer goes to the API's outSequence, which is where the
 * host's chain ends too when the answer is not failed over.
 */
public final class CallMediator extends AbstractMediator implements ManagedLifecycle {
    private final Endpoint endpoint;

    CallMediator(Endpoint endpoint) {
        this.endpoint = endpoint;
    }

    /** The endpoint called; from {@code key="…"} an {@code IndirectEndpoint}, as in the host. */
    public Endpoint getEndpoint() {
        return endpoint;
    }

    @Override
    public boolean mediate(MessageContext synCtx) {
        endpoint.send(synCtx);
        return false;
    }

    @Override
    public boolean isContentAware() {
        return false;
    }

    @Override
    public void init(SynapseEnvironment environment) {
        endpoint.init(environment);
    }

    @Override
    public void destroy() {
        endpoint.destroy();
    }
}
