package org.modelfailover.gateway.host;

import org.apache.synapse.MessageContext;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.mediators.AbstractMediator;

/**
 * Stands for the continuation of WSO2's Synapse: the answer to a {@code <call>} goes on where the
 * request stopped, and as a request.
 */
public final class Resumption extends AbstractMediator {
    @Override
    public boolean mediate(MessageContext synCtx) {
        ExtensionHandler.takeContentType(((Axis2MessageContext) synCtx).getAxis2MessageContext());
        synCtx.setResponse(false);
        return true;
    }

    @Override
    public boolean isContentAware() {
        return false;
    }
}
