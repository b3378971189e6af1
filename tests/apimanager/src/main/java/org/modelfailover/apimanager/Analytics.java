package org.modelfailover.apimanager;

import org.apache.synapse.MessageContext;
import org.wso2.carbon.apimgt.common.analytics.publishers.dto.Latencies;
import org.wso2.carbon.apimgt.common.analytics.publishers.dto.Target;
import org.wso2.carbon.apimgt.common.analytics.publishers.dto.enums.EventCategory;
import org.wso2.carbon.apimgt.gateway.handlers.analytics.Constants;
import org.wso2.carbon.apimgt.gateway.handlers.analytics.SynapseAnalyticsDataProvider;

import java.util.Map;

/**
 * What the host's {@code SynapseAnalyticsDataProvider} reads from an answer.
 *
 * @param category SUCCESS or FAULT
 * @param fault the kind of fault, or null
 * @param target where the answer came from
 * @param latencies in milliseconds
 * @param vendor vendor and model ({@code aiMetadata}), or null
 * @param correlationId under which the gateway's logs and reports know the request
 * @param responseSize bytes of the answer's body
 * @param tokens token counts ({@code aiTokenUsage}), or null
 */
public record Analytics(
        EventCategory category,
        String fault,
        Target target,
        Latencies latencies,
        String correlationId,
        long responseSize,
        Map<?, ?> vendor,
        Map<?, ?> tokens) {

    /** Reads it now. */
    public static Analytics of(MessageContext synCtx) {
        SynapseAnalyticsDataProvider provider = new SynapseAnalyticsDataProvider(synCtx);
        EventCategory category = provider.getEventCategory();
        Map<String, Object> properties = provider.getProperties();
        return new Analytics(
                category,
                category == EventCategory.FAULT
                        ? provider.getFaultType()
                                + ": "
                                + provider.getError(provider.getFaultType()).getErrorCode()
                        : null,
                provider.getTarget(),
                provider.getLatencies(),
                provider.getMetaInfo().getCorrelationId(),
                ((Number) properties.get(Constants.RESPONSE_SIZE)).longValue(),
                (Map<?, ?>) properties.get(Constants.AI_METADATA),
                (Map<?, ?>) properties.get(Constants.AI_TOKEN_USAGE));
    }
}
