package org.modelfailover.apimanager;

import org.apache.synapse.SynapseConstants;
import org.wso2.carbon.apimgt.api.APIConstants.AIAPIConstants;
import org.wso2.carbon.apimgt.gateway.APIMgtGatewayConstants;

import java.util.Map;

/**
 * An answer behind the API's handlers.
 *
 * @param isResponse whether Synapse takes it for a response
 * @param status HTTP_SC of the axis2 context; null when it is not set yet
 * @param properties those of the Synapse context
 * @param analytics what the host's analytics would report
 */
public record RecordedAnswer(
        boolean isResponse, Integer status, Map<String, Object> properties, Analytics analytics) {

    /** {@code AI_API_RESPONSE_METADATA}; empty when there is none. */
    @SuppressWarnings("unchecked")
    public Map<String, String> metadata() {
        return (Map<String, String>)
                properties.getOrDefault(AIAPIConstants.AI_API_RESPONSE_METADATA, Map.of());
    }

    /** {@code api.ut.backendRequestTime}, in milliseconds since 1970; 0 when there is none. */
    public long backendRequestTime() {
        Object time = properties.get(APIMgtGatewayConstants.BACKEND_REQUEST_START_TIME);
        return time == null ? 0 : Long.parseLong((String) time);
    }

    /** The address of the endpoint that answered. */
    public String endpointAddress() {
        return (String) properties.get(APIMgtGatewayConstants.SYNAPSE_ENDPOINT_ADDRESS);
    }

    /** {@code ERROR_CODE}; null when nothing failed. */
    public Integer errorCode() {
        return (Integer) properties.get(SynapseConstants.ERROR_CODE);
    }
}
