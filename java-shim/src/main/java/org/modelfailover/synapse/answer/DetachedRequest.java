package org.modelfailover.synapse.answer;

import org.apache.axiom.om.OMAbstractFactory;
import org.apache.axis2.AxisFault;
import org.apache.axis2.Constants;
import org.apache.axis2.context.MessageContext;
import org.apache.axis2.description.AxisOperation;
import org.apache.axis2.wsdl.WSDLConstants;
import org.apache.synapse.FaultHandler;
import org.apache.synapse.Mediator;
import org.apache.synapse.SynapseConstants;
import org.apache.synapse.config.SynapseConfiguration;
import org.apache.synapse.core.SynapseEnvironment;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.transport.passthru.SourceRequest;
import org.modelfailover.synapse.engine.Engine;
import org.modelfailover.synapse.engine.Headers;
import org.modelfailover.synapse.engine.LayeredContext;
import org.modelfailover.synapse.engine.Properties;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What has to be known of a request after its thread was given back.
 *
 * <p>The worker is still leaving its stack when the first answer can arrive on another thread, and
 * the contexts' maps are not made for two: everything is copied before the call starts, and answers
 * go out on contexts of their own.
 */
public final class DetachedRequest {
    /** The client's request line. */
    public final String uri;

    /** Its HTTP method. */
    public final String method;

    private final String contentType;
    private final TreeMap<String, String> headers;
    private final Map<String, Object> properties;
    private final Map<String, Object> variables;
    private final FaultHandler[] faultHandlers;
    private final SynapseConfiguration configuration;
    private final SynapseEnvironment environment;
    private final org.apache.synapse.MessageContext synapse;
    private final MessageContext axis2;
    private final Map<String, Object> transport = new HashMap<>();

    /**
     * @param source the request as the client sent it
     */
    public DetachedRequest(Axis2MessageContext synapse, SourceRequest source) {
        this.synapse = synapse;
        uri = source.getUri();
        axis2 = synapse.getAxis2MessageContext();
        configuration = synapse.getConfiguration();
        environment = synapse.getEnvironment();
        method = (String) axis2.getProperty(Properties.HTTP_METHOD);
        contentType = (String) axis2.getProperty(Properties.CONTENT_TYPE);
        headers = Headers.copy(axis2.getProperty(Properties.HEADERS));
        Set<?> keys = synapse.getPropertyKeySet();
        properties = new HashMap<>(keys.size() * 2);
        for (Object key : keys) {
            properties.put((String) key, synapse.getProperty((String) key));
        }
        properties.remove(SynapseConstants.RECEIVING_SEQUENCE);
        properties.remove("continuation.call");
        // An answer is no failure, whatever happened before it.
        properties.remove(Properties.ERROR_CODE);
        properties.remove(Properties.ERROR_MESSAGE);
        properties.remove(Properties.ERROR_DETAIL);
        properties.remove(Properties.ERROR_EXCEPTION);
        properties.remove(Properties.CUSTOM_STATUS);
        properties.put(Properties.BACKEND_REQUEST_TIME, Long.toString(System.currentTimeMillis()));
        variables = Engine.of().variables(synapse);
        Collection<FaultHandler> stack = synapse.getFaultStack();
        faultHandlers = stack.toArray(new FaultHandler[0]);
        for (String name :
                new String[] {
                    Constants.OUT_TRANSPORT_INFO,
                    Properties.SOURCE_CONNECTION,
                    Properties.SOURCE_CONFIGURATION,
                    Properties.CORRELATION_ID,
                    Properties.REMOTE_ADDRESS,
                    "transport.message.handler"
                }) {
            Object value = axis2.getProperty(name);
            if (value != null) {
                transport.put(name, value);
            }
        }
    }

    public org.apache.synapse.MessageContext original() {
        return synapse;
    }

    public SynapseConfiguration configuration() {
        return configuration;
    }

    /** The engine's id of it for log lines, or null. */
    public Object correlation() {
        return transport.get(Properties.CORRELATION_ID);
    }

    /** The engine's id of the message. */
    String messageId() {
        return synapse.getMessageID();
    }

    /** A property that the request had when its worker left, as text; null when it had none. */
    String text(String property) {
        Object value = properties.get(property);
        return value == null ? null : value.toString();
    }

    private MessageContext newAxis2() throws AxisFault {
        MessageContext context = new MessageContext();
        context.setConfigurationContext(axis2.getConfigurationContext());
        context.setOperationContext(axis2.getOperationContext());
        context.setTransportIn(axis2.getTransportIn());
        context.setTransportOut(axis2.getTransportOut());
        context.setServerSide(true);
        context.setDoingREST(true);
        context.setEnvelope(OMAbstractFactory.getSOAP11Factory().getDefaultEnvelope());
        return context;
    }

    private Axis2MessageContext wrap(MessageContext context) {
        Axis2MessageContext wrapped =
                new LayeredContext(context, configuration, environment, properties);
        wrapped.setMessageID(synapse.getMessageID());
        wrapped.setTracingState(synapse.getTracingState());
        Engine.of().setVariables(wrapped, variables);
        return wrapped;
    }

    /**
     * A context on which an endpoint's security mediators put its credentials. Nothing of it
     * reaches the client or another candidate.
     *
     * @param withheld the client's headers that they are not to find
     * @param postfix the path behind the endpoint's, with the candidate's model where it names one
     */
    public Axis2MessageContext scratch(String[] withheld, String postfix) throws AxisFault {
        Map<String, String> offered = new TreeMap<>(headers);
        for (String name : withheld) {
            offered.remove(name);
        }
        MessageContext context = newAxis2();
        context.setProperty(Properties.HEADERS, offered);
        context.setProperty(Properties.HTTP_METHOD, method);
        context.setProperty(Properties.URL_POSTFIX, postfix);
        context.setProperty(Properties.BUILDER_INVOKED, Boolean.TRUE);
        context.setProperty(Properties.CONTENT_TYPE, contentType);
        context.setProperty(Properties.MESSAGE_TYPE, "application/json");
        Axis2MessageContext scratch = wrap(context);
        Engine.of().sealResponse(scratch);
        return scratch;
    }

    /** A context for an answer to the client, without headers, status and body. */
    public Axis2MessageContext answer() throws AxisFault {
        Axis2MessageContext answer = failure();
        if (answer.getProperty(Properties.RESOURCE) == null) {
            // At policy position no resource has been chosen yet; without one no answer is sent.
            String resource = Engine.of().resourceName(answer);
            if (resource != null) {
                answer.setProperty(Properties.RESOURCE, resource);
            }
        }
        return answer;
    }

    /** A context for the fault sequence. */
    public Axis2MessageContext failure() throws AxisFault {
        MessageContext context = newAxis2();
        AxisOperation operation = axis2.getAxisOperation();
        if (operation != null) {
            context.setAxisMessage(operation.getMessage(WSDLConstants.MESSAGE_LABEL_OUT_VALUE));
        }
        transport.forEach(context::setProperty);
        context.setTo(null);
        Axis2MessageContext answer = wrap(context);
        answer.setResponse(true);
        answer.setTo(null);
        for (FaultHandler handler : faultHandlers) {
            answer.pushFaultHandler(handler);
        }
        return answer;
    }

    /**
     * A context on which an answer is counted that has gone out already: without its body, and
     * nothing can be sent with it.
     *
     * @param sent the answer, or null when none was sent
     * @param length of its body, in bytes
     */
    public Axis2MessageContext ended(Axis2MessageContext sent, long length) throws AxisFault {
        Axis2MessageContext ended = answer();
        MessageContext context = ended.getAxis2MessageContext();
        Map<String, String> sentHeaders = Headers.copy(null);
        if (sent != null) {
            for (Object key : sent.getPropertyKeySet()) {
                ended.setProperty((String) key, sent.getProperty((String) key));
            }
            MessageContext answer = sent.getAxis2MessageContext();
            sentHeaders = Headers.copy(answer.getProperty(Properties.HEADERS));
            for (String name :
                    new String[] {
                        Properties.HTTP_STATUS, Properties.CONTENT_TYPE, Properties.MESSAGE_TYPE
                    }) {
                context.setProperty(name, answer.getProperty(name));
            }
        }
        sentHeaders.put("Content-Length", Long.toString(length));
        context.setProperty(Properties.HEADERS, sentHeaders);
        context.setProperty(Properties.BUILDER_INVOKED, Boolean.TRUE);
        context.setProperty(Properties.NO_ENTITY_BODY, Boolean.TRUE);
        Engine.of().sealResponse(ended);
        return ended;
    }

    /** Lets the fault sequence answer, with what has been set on the context. */
    public void fault(org.apache.synapse.MessageContext context) {
        if (!context.getFaultStack().isEmpty()) {
            context.getFaultStack().pop().handleFault(context);
            return;
        }
        Mediator fault = context.getFaultSequence();
        if (fault != null) {
            fault.mediate(context);
        }
    }

    /** Whether an answer has been handed to the transport. */
    boolean isAnswered() {
        return "true".equals(axis2.getOperationContext().getProperty(Properties.RESPONSE_WRITTEN));
    }
}
