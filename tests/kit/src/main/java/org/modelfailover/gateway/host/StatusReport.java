package org.modelfailover.gateway.host;

import com.google.gson.JsonObject;

import org.apache.axiom.om.OMAbstractFactory;
import org.apache.axiom.om.OMElement;
import org.apache.axiom.soap.SOAPEnvelope;
import org.apache.axis2.AxisFault;
import org.apache.axis2.Constants;
import org.apache.axis2.context.MessageContext;
import org.apache.http.nio.NHttpServerConnection;
import org.apache.synapse.SynapseConstants;
import org.apache.synapse.SynapseException;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.mediators.AbstractMediator;
import org.apache.synapse.transport.passthru.Pipe;
import org.apache.synapse.transport.passthru.ProtocolState;
import org.apache.synapse.transport.passthru.SourceContext;

import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;

/**
 * Stands for the {@code <payloadFactory media-type="json">} and the {@code <property>} lines of API
 * Manager's {@code fault} and {@code main} sequences, which Synapse 3.0.1 cannot run: puts {@code
 * {"code","type":"Status report","message","description"}} on the message as an answer. A {@code
 * <respond/>} has to follow.
 *
 * <p>Code and description default to the properties ERROR_CODE and ERROR_MESSAGE, the status to
 * CUSTOM_HTTP_SC, else 500. The request's headers are replaced, not edited, so nothing a client
 * sent comes back to it, and its unread body is thrown away; headers that were put on an answer
 * stay, as in the host.
 */
public final class StatusReport extends AbstractMediator {
    private static final String CONTENT_TYPE = "application/json; charset=UTF-8";
    private static final Duration DISCARD_LIMIT = Duration.ofSeconds(30);

    private String status;
    private String code;
    private String message = "Runtime Error";
    private String description;

    @Override
    public boolean mediate(org.apache.synapse.MessageContext synCtx) {
        JsonObject report = new JsonObject();
        report.addProperty("code", given(code, synCtx, SynapseConstants.ERROR_CODE, "0"));
        report.addProperty("type", "Status report");
        report.addProperty("message", message);
        report.addProperty(
                "description", given(description, synCtx, SynapseConstants.ERROR_MESSAGE, ""));
        int httpStatus = Integer.parseInt(given(status, synCtx, "CUSTOM_HTTP_SC", "500"));

        MessageContext axis2 = ((Axis2MessageContext) synCtx).getAxis2MessageContext();
        discardRequestBody(axis2);
        axis2.removeProperty("pass-through.pipe");
        axis2.setProperty("message.builder.invoked", Boolean.TRUE);
        axis2.removeProperty("NO_ENTITY_BODY");
        axis2.removeProperty("EXCESS_TRANSPORT_HEADERS");
        axis2.removeProperty("TRANSPORT_URL");
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        Object before = axis2.getProperty(MessageContext.TRANSPORT_HEADERS);
        if (synCtx.isResponse() && before instanceof Map) {
            ((Map<?, ?>) before).forEach((k, v) -> headers.put(k.toString(), v.toString()));
        }
        headers.put("Content-Type", CONTENT_TYPE);
        axis2.setProperty(MessageContext.TRANSPORT_HEADERS, headers);
        axis2.setProperty("HTTP_SC", httpStatus);
        axis2.setProperty(Constants.Configuration.MESSAGE_TYPE, "application/json");
        axis2.setProperty(Constants.Configuration.CONTENT_TYPE, CONTENT_TYPE);
        try {
            synCtx.setEnvelope(envelope(report.toString()));
        } catch (AxisFault e) {
            throw new SynapseException("cannot set the status report as payload", e);
        }
        synCtx.setResponse(true);
        synCtx.setTo(null);
        return true;
    }

    private static String given(
            String configured,
            org.apache.synapse.MessageContext synCtx,
            String property,
            String other) {
        if (configured != null) {
            return configured;
        }
        Object value = synCtx.getProperty(property);
        return value == null ? other : value.toString();
    }

    private static SOAPEnvelope envelope(String text) {
        SOAPEnvelope envelope = OMAbstractFactory.getSOAP11Factory().getDefaultEnvelope();
        OMElement wrapper = TextPayload.wrap(text);
        envelope.getBody().addChild(wrapper);
        return envelope;
    }

    /**
     * An answer submitted before the whole request has been read never leaves: lets the rest of it
     * run into nothing first. The host's sequences do the same by building the message.
     */
    private static void discardRequestBody(MessageContext axis2) {
        Object connection = axis2.getProperty("pass-through.Source-Connection");
        if (!(connection instanceof NHttpServerConnection)) {
            return;
        }
        NHttpServerConnection source = (NHttpServerConnection) connection;
        Pipe reader = isArriving(source) ? SourceContext.get(source).getReader() : null;
        if (reader == null) {
            return;
        }
        reader.consumerError();
        source.requestInput();
        long deadline = System.nanoTime() + DISCARD_LIMIT.toNanos();
        while (isArriving(source) && System.nanoTime() < deadline) {
            LockSupport.parkNanos(Duration.ofMillis(1).toNanos());
        }
    }

    private static boolean isArriving(NHttpServerConnection source) {
        ProtocolState state = SourceContext.getState(source);
        return state != null && state.compareTo(ProtocolState.REQUEST_DONE) < 0;
    }

    @Override
    public boolean isContentAware() {
        return false;
    }

    public void setStatus(String status) {
        this.status = status;
    }

    public void setCode(String code) {
        this.code = code;
    }

    public void setMessage(String message) {
        this.message = message;
    }

    public void setDescription(String description) {
        this.description = description;
    }
}
