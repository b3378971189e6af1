package org.modelfailover.apimanager;

import org.apache.synapse.MessageContext;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.rest.AbstractHandler;

import java.util.Map;

/**
 * Stands for {@code CORSRequestHandler}, which links to classes of WSO2's engine that dispatch
 * requests, and for the sequence {@code _cors_request_handler_}: what is noted on the request is a
 * header of the answer.
 */
public final class CorsHandler extends AbstractHandler {
    public static final String HEADER = "Access-Control-Allow-Origin";

    /** The one origin that browsers may call from. */
    public static final String ORIGIN = "https://shop.example";

    @Override
    public boolean handleRequest(MessageContext synCtx) {
        synCtx.setProperty(HEADER, ORIGIN);
        return true;
    }

    @Override
    @SuppressWarnings("unchecked")
    public boolean handleResponse(MessageContext synCtx) {
        Object headers =
                ((Axis2MessageContext) synCtx)
                        .getAxis2MessageContext()
                        .getProperty("TRANSPORT_HEADERS");
        ((Map<String, Object>) headers).put(HEADER, synCtx.getProperty(HEADER));
        return true;
    }
}
