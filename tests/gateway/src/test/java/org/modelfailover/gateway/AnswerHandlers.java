package org.modelfailover.gateway;

import org.apache.synapse.MessageContext;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.rest.Handler;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/** Handlers of an API that look at answers, as API Manager's do. */
final class AnswerHandlers {
    /** What they saw, in order. */
    static final List<String> SEEN = new CopyOnWriteArrayList<>();

    private AnswerHandlers() {}

    private static org.apache.axis2.context.MessageContext axis2(MessageContext synCtx) {
        return ((Axis2MessageContext) synCtx).getAxis2MessageContext();
    }

    /** Gives requests a correlation id and an origin, as transport and CORS handler do. */
    public static final class First implements Handler {
        @Override
        public boolean handleRequest(MessageContext synCtx) {
            axis2(synCtx).setProperty("correlation_id", "correlation-1");
            synCtx.setProperty("Access-Control-Allow-Origin", "https://shop.example");
            SEEN.add("request " + synCtx.getMessageID());
            return true;
        }

        @Override
        @SuppressWarnings("unchecked")
        public boolean handleResponse(MessageContext synCtx) {
            ((Map<String, Object>) axis2(synCtx).getProperty("TRANSPORT_HEADERS"))
                    .put(
                            "Access-Control-Allow-Origin",
                            synCtx.getProperty("Access-Control-Allow-Origin"));
            SEEN.add("first " + synCtx.getMessageID());
            return true;
        }
    }

    /** Writes down what the host's handlers and logs read. */
    public static final class Second implements Handler {
        @Override
        public boolean handleRequest(MessageContext synCtx) {
            return true;
        }

        @Override
        public boolean handleResponse(MessageContext synCtx) {
            SEEN.add(
                    "second "
                            + axis2(synCtx).getProperty("correlation_id")
                            + " "
                            + (Integer) axis2(synCtx).getProperty("HTTP_SC")
                            + " "
                            + synCtx.isResponse());
            return true;
        }
    }
}
