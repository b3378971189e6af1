package org.modelfailover.gateway.host;

import org.apache.synapse.Mediator;
import org.apache.synapse.MessageContext;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.rest.Handler;

import java.util.Map;

/**
 * Stands for {@code APIManagerExtensionHandler}: runs an API's request policies ({@code <api>--In})
 * before the resource is chosen and its response policies ({@code <api>--Out}) when the answer
 * returns. A policy that answers by itself returns false, which ends the request's way here.
 */
public final class ExtensionHandler implements Handler {
    @Override
    public boolean handleRequest(MessageContext synCtx) {
        return mediate(synCtx, "In");
    }

    @Override
    public boolean handleResponse(MessageContext synCtx) {
        takeContentType(((Axis2MessageContext) synCtx).getAxis2MessageContext());
        return mediate(synCtx, "Out");
    }

    private static boolean mediate(MessageContext synCtx, String direction) {
        Object sequence =
                synCtx.getConfiguration()
                        .getLocalRegistry()
                        .get(synCtx.getProperty("SYNAPSE_REST_API") + "--" + direction);
        return !(sequence instanceof Mediator) || ((Mediator) sequence).mediate(synCtx);
    }

    /**
     * Synapse 3.0.1 misses the type of an answer whose header is not spelt {@code Content-Type}.
     */
    static void takeContentType(org.apache.axis2.context.MessageContext axis2) {
        Object headers = axis2.getProperty("TRANSPORT_HEADERS");
        Object type = headers instanceof Map ? ((Map<?, ?>) headers).get("Content-Type") : null;
        if (type != null) {
            axis2.setProperty("ContentType", type.toString());
        }
    }
}
