package org.modelfailover.synapse;

import org.apache.synapse.MessageContext;

/** What the host's fault sequences read. */
final class Faults {
    private Faults() {}

    /**
     * Describes a failure, and makes the API's own fault sequence the one that answers.
     *
     * @param status the HTTP status for the caller
     * @param code the host's error code; an Integer, because its analytics cast it
     * @param message a sentence for the caller
     */
    static void describe(MessageContext context, int status, int code, String message) {
        context.setProperty(Properties.ERROR_CODE, code);
        context.setProperty(Properties.ERROR_MESSAGE, message);
        context.setProperty(Properties.CUSTOM_STATUS, status);
        context.setProperty(Properties.HTTP_STATUS, status);
        Engine.of().registerFaultHandler(context);
    }
}
