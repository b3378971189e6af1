package org.modelfailover.apimanager;

import org.apache.synapse.MessageContext;
import org.apache.synapse.rest.AbstractHandler;
import org.wso2.carbon.context.PrivilegedCarbonContext;

/**
 * Stands for the transport, whose workers know nothing of the tenant that they last worked for. It
 * is the first of an API's handlers.
 */
public final class TransportHandler extends AbstractHandler {
    @Override
    public boolean handleRequest(MessageContext synCtx) {
        PrivilegedCarbonContext.destroyCurrentContext();
        return true;
    }

    @Override
    public boolean handleResponse(MessageContext synCtx) {
        return true;
    }
}
