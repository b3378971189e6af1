package org.apache.synapse.commons.json;

import org.apache.axiom.om.OMElement;
import org.apache.axiom.soap.SOAPBody;
import org.apache.axis2.context.MessageContext;
import org.modelfailover.gateway.host.TextPayload;

/**
 * Stands for WSO2's class of this name, which Synapse 3.0.1 lacks, with the three methods that the
 * host's {@code AIAPIMediator} calls. A JSON body is the text that {@link TextPayload} keeps.
 */
public final class JsonUtil {
    private static final String JSON = "application/json";

    private JsonUtil() {}

    /** Whether a built message holds JSON; as in the host, an empty body is none. */
    public static boolean hasAJsonPayload(MessageContext context) {
        OMElement first = context.getEnvelope().getBody().getFirstElement();
        return first != null
                && !first.getText().isBlank()
                && String.valueOf(context.getProperty("messageType")).startsWith(JSON);
    }

    /** The JSON, character for character. */
    public static String jsonPayloadToString(MessageContext context) {
        return hasAJsonPayload(context)
                ? context.getEnvelope().getBody().getFirstElement().getText()
                : "{}";
    }

    /** Puts JSON in the place of what the message holds; as the host's, leaves its type alone. */
    public static OMElement getNewJsonPayload(
            MessageContext context, String json, boolean removeChildren, boolean add) {
        SOAPBody body = context.getEnvelope().getBody();
        while (body.getFirstOMChild() != null) {
            body.getFirstOMChild().detach();
        }
        OMElement element = TextPayload.wrap(json);
        body.addChild(element);
        return element;
    }
}
