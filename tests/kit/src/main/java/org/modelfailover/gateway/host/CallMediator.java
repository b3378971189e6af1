package org.modelfailover.gateway.host;

import org.apache.synapse.ManagedLifecycle;
import org.apache.synapse.MessageContext;
import org.apache.synapse.SynapseConstants;
import org.apache.synapse.core.SynapseEnvironment;
import org.apache.synapse.endpoints.AbstractEndpoint;
import org.apache.synapse.endpoints.Endpoint;
import org.apache.synapse.endpoints.IndirectEndpoint;
import org.apache.synapse.mediators.AbstractMediator;

/**
 * Stands for {@code org.apache.synapse.mediators.builtin.CallMediator} of WSO2's Synapse.
 *
 * <p>The host's calls without blocking and goes on with the mediator behind it when the answer
 * comes. Synapse 3.0.1 has no continuation. Without a sequence to resume in, this one is the last
 * step of the request: the answer goes to the API's outSequence, which is where the host's chain
 * ends too when the answer is not failed over. With one, the answer goes there, to {@link
 * Resumption}, and the call takes no longer than the property REQUEST_TIMEOUT says, which the
 * host's endpoints refer to.
 */
public final class CallMediator extends AbstractMediator implements ManagedLifecycle {
    private final Endpoint endpoint;
    private final String resume;

    CallMediator(Endpoint endpoint, String resume) {
        this.endpoint = endpoint;
        this.resume = resume;
    }

    /** The endpoint called; from {@code key="…"} an {@code IndirectEndpoint}, as in the host. */
    public Endpoint getEndpoint() {
        return endpoint;
    }

    @Override
    public boolean mediate(MessageContext synCtx) {
        if (resume != null) {
            synCtx.setProperty(SynapseConstants.RECEIVING_SEQUENCE, resume);
            limit(synCtx);
        }
        endpoint.send(synCtx);
        return false;
    }

    private void limit(MessageContext synCtx) {
        Object millis = synCtx.getProperty("REQUEST_TIMEOUT");
        Endpoint called = synCtx.getEndpoint(((IndirectEndpoint) endpoint).getKey());
        if (millis instanceof Long && called instanceof AbstractEndpoint) {
            ((AbstractEndpoint) called).getDefinition().setTimeoutDuration((Long) millis);
        }
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
