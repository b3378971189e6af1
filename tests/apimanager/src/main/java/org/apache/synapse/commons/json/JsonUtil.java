package org.apache.synapse.commons.json;

import org.apache.axiom.om.OMElement;
import org.apache.axiom.soap.SOAPBody;
import org.apache.axis2.AxisFault;
import org.apache.axis2.context.MessageContext;
import org.modelfailover.gateway.host.TextPayload;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/**
 * Stands for WSO2's class of this name, which Synapse 3.0.1 lacks, with the methods that the host's
 * mediators call. A JSON body is the text that {@link TextPayload} keeps, so it stays what it was,
 * byte for byte.
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

    /** The JSON in UTF-8; as in the host, an empty object when there is none. */
    public static byte[] jsonPayloadToByteArray(MessageContext context) {
        return jsonPayloadToString(context).getBytes(StandardCharsets.UTF_8);
    }

    /** The JSON, byte for byte; null when there is none. */
    public static InputStream getJsonPayload(MessageContext context) {
        return hasAJsonPayload(context)
                ? new ByteArrayInputStream(
                        jsonPayloadToString(context).getBytes(StandardCharsets.UTF_8))
                : null;
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

    /** The same from a stream of UTF-8. */
    public static OMElement getNewJsonPayload(
            MessageContext context, InputStream json, boolean removeChildren, boolean add)
            throws AxisFault {
        try {
            String text = new String(json.readAllBytes(), StandardCharsets.UTF_8);
            return getNewJsonPayload(context, text, removeChildren, add);
        } catch (IOException e) {
            throw AxisFault.makeFault(e);
        }
    }
}
