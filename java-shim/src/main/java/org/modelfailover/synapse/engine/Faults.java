package org.modelfailover.synapse.engine;

import org.apache.synapse.MessageContext;
import org.apache.synapse.SynapseException;
import org.apache.synapse.core.axis2.Axis2MessageContext;

import java.util.Map;
import java.util.TreeMap;

/** What the host's fault sequences read. */
public final class Faults {
    private Faults() {}

    /**
     * Describes a failure, and makes the API's own fault sequence the one that answers.
     *
     * @param status the HTTP status for the client
     * @param code the host's error code; an Integer, because its analytics cast it
     * @param message a sentence for the client
     */
    public static void describe(MessageContext context, int status, int code, String message) {
        context.setProperty(Properties.ERROR_CODE, code);
        context.setProperty(Properties.ERROR_MESSAGE, message);
        context.setProperty(Properties.CUSTOM_STATUS, status);
        context.setProperty(Properties.HTTP_STATUS, status);
        Engine.of().registerFaultHandler(context);
    }

    /** A failure that the fault sequence answers when it is thrown. */
    public static SynapseException exception(
            MessageContext context, int status, int code, String message) {
        describe(context, status, code, message);
        return new SynapseException(message);
    }

    /**
     * Asks the client to come again soon, in a header of the answer: fault sequences send none of
     * the request's back.
     *
     * @param seconds for Retry-After
     */
    public static void retryLater(Axis2MessageContext context, long seconds) {
        context.getAxis2MessageContext().setProperty(Properties.HEADERS, headers(seconds, ""));
        context.setResponse(true);
        context.setTo(null);
    }

    /**
     * The headers of a fault's answer.
     *
     * @param retryAfter seconds for Retry-After, or -1
     * @param reasons what the attempts came to, or nothing
     */
    public static Map<String, String> headers(long retryAfter, String reasons) {
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        if (retryAfter >= 0) {
            headers.put("Retry-After", Long.toString(retryAfter));
        }
        if (!reasons.isEmpty()) {
            headers.put("x-failover-reason", reasons);
        }
        return headers;
    }
}
