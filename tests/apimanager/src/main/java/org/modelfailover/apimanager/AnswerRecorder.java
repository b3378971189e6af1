package org.modelfailover.apimanager;

import org.apache.synapse.MessageContext;
import org.apache.synapse.SynapseConstants;
import org.apache.synapse.SynapseException;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.mediators.AbstractMediator;
import org.apache.synapse.rest.Handler;
import org.wso2.carbon.apimgt.api.APIConstants.AIAPIConstants;
import org.wso2.carbon.apimgt.gateway.APIMgtGatewayConstants;
import org.wso2.carbon.apimgt.gateway.handlers.analytics.Constants;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Keeps what an answer carries when it has passed the API's handlers, and what API Manager's
 * analytics makes of it; throws when something has a type that one of the host's readers casts to
 * another. As a handler it sees what goes the way of answers, as a mediator of the fault flow what
 * fails.
 */
public final class AnswerRecorder extends AbstractMediator implements Handler {
    private static final String HTTP_SC = "HTTP_SC";
    private static final List<RecordedAnswer> ANSWERS = new CopyOnWriteArrayList<>();

    /** Properties of the Synapse context, and what the host's readers cast them to. */
    private static final Map<String, Class<?>> TYPES =
            Map.of(
                    AIAPIConstants.AI_API_RESPONSE_METADATA, Map.class,
                    AIAPIConstants.AI_API_REQUEST_METADATA, Map.class,
                    APIMgtGatewayConstants.BACKEND_REQUEST_START_TIME, String.class,
                    APIMgtGatewayConstants.BACKEND_REQUEST_END_TIME, Long.class,
                    APIMgtGatewayConstants.SYNAPSE_ENDPOINT_ADDRESS, String.class,
                    Constants.BACKEND_START_TIME_PROPERTY, Long.class,
                    Constants.BACKEND_END_TIME_PROPERTY, Long.class,
                    Constants.BACKEND_RESPONSE_CODE, Integer.class,
                    SynapseConstants.ERROR_CODE, Integer.class);

    /** All answers since the last {@link #forget}. */
    public static List<RecordedAnswer> answers() {
        return List.copyOf(ANSWERS);
    }

    /** Drops them. */
    public static void forget() {
        ANSWERS.clear();
    }

    @Override
    public boolean handleRequest(MessageContext synCtx) {
        return true;
    }

    @Override
    public boolean handleResponse(MessageContext synCtx) {
        return mediate(synCtx);
    }

    @Override
    public boolean mediate(MessageContext synCtx) {
        Map<String, Object> properties = new HashMap<>();
        for (Object name : synCtx.getPropertyKeySet()) {
            properties.put(name.toString(), synCtx.getProperty(name.toString()));
        }
        TYPES.forEach((name, type) -> check(name, type, properties.get(name)));
        Object status =
                ((Axis2MessageContext) synCtx).getAxis2MessageContext().getProperty(HTTP_SC);
        check(HTTP_SC, Integer.class, status);
        for (String metadata :
                List.of(
                        AIAPIConstants.AI_API_RESPONSE_METADATA,
                        AIAPIConstants.AI_API_REQUEST_METADATA)) {
            if (properties.get(metadata) instanceof Map<?, ?> map) {
                map.forEach((key, value) -> check(metadata + "." + key, String.class, value));
            }
        }
        ANSWERS.add(
                new RecordedAnswer(
                        synCtx.isResponse(), (Integer) status, properties, Analytics.of(synCtx)));
        return true;
    }

    private static void check(String name, Class<?> type, Object value) {
        if (value != null && !type.isInstance(value)) {
            throw new SynapseException(
                    name + " is a " + value.getClass().getName() + ", not a " + type.getName());
        }
    }

    @Override
    public boolean isContentAware() {
        return false;
    }
}
