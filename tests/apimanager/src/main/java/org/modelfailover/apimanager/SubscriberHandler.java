package org.modelfailover.apimanager;

import org.apache.synapse.MessageContext;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.rest.AbstractHandler;
import org.wso2.carbon.apimgt.api.APIConstants.AIAPIConstants;
import org.wso2.carbon.apimgt.gateway.APIMgtGatewayConstants;
import org.wso2.carbon.apimgt.gateway.handlers.analytics.Constants;
import org.wso2.carbon.apimgt.gateway.handlers.security.APISecurityUtils;
import org.wso2.carbon.apimgt.gateway.handlers.security.AuthenticationContext;
import org.wso2.carbon.apimgt.impl.APIConstants;
import org.wso2.carbon.apimgt.impl.dto.VerbInfoDTO;
import org.wso2.carbon.apimgt.keymgt.model.entity.API;
import org.wso2.carbon.context.PrivilegedCarbonContext;

import java.util.ArrayList;
import java.util.List;

/**
 * Stands for the part of {@code APIAuthenticationHandler} that tells the handlers behind it who
 * calls, for {@code AnalyticsMetricsHandler}, which notes when the request came, and for the
 * transport, which gives it a correlation id and begins the tenant's flow. Everybody is one
 * subscriber.
 */
public final class SubscriberHandler extends AbstractHandler {
    public static final String APPLICATION_ID = "7";
    public static final String TIER = "Gold";
    public static final String CORRELATION_ID = "5f9c4c1e-correlation";

    @Override
    public boolean handleRequest(MessageContext synCtx) {
        beginTenantFlow(synCtx);
        synCtx.setProperty(Constants.REQUEST_START_TIME_PROPERTY, System.currentTimeMillis());
        ((Axis2MessageContext) synCtx)
                .getAxis2MessageContext()
                .setProperty("correlation_id", CORRELATION_ID);
        synCtx.setProperty(APIMgtGatewayConstants.SUB_TYPE, AIAPIConstants.AI_API_SUB_TYPE);
        synCtx.setProperty(APIConstants.VERB_INFO_DTO, new ArrayList<>(List.of(unlimited())));

        API api = new API();
        api.setApiName((String) synCtx.getProperty("api.ut.api"));
        synCtx.setProperty(APIMgtGatewayConstants.API_OBJECT, api);

        AuthenticationContext caller = new AuthenticationContext();
        caller.setAuthenticated(true);
        caller.setApplicationId(APPLICATION_ID);
        caller.setApplicationTier("Unlimited");
        caller.setTier(TIER);
        caller.setApiTier("");
        caller.setUsername("subscriber");
        caller.setSubscriberTenantDomain("carbon.super");
        caller.setKeyType((String) synCtx.getProperty("AM_KEY_TYPE"));
        synCtx.setProperty(APISecurityUtils.API_AUTH_CONTEXT, caller);
        return true;
    }

    private static VerbInfoDTO unlimited() {
        VerbInfoDTO verb = new VerbInfoDTO();
        verb.setHttpVerb("POST");
        verb.setRequestKey("/*:POST");
        verb.setThrottling("Unlimited");
        return verb;
    }

    @Override
    public boolean handleResponse(MessageContext synCtx) {
        beginTenantFlow(synCtx);
        return true;
    }

    private static void beginTenantFlow(MessageContext synCtx) {
        PrivilegedCarbonContext.getThreadLocalCarbonContext()
                .setTenantDomain((String) synCtx.getProperty("tenant.info.domain"), true);
    }
}
