package org.modelfailover.apimanager;

import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.gateway.host.KeyTypeHandler;
import org.wso2.carbon.apimgt.gateway.handlers.common.APIMgtLatencyStatsHandler;
import org.wso2.carbon.apimgt.gateway.handlers.common.APIStatusHandler;
import org.wso2.carbon.apimgt.gateway.handlers.ext.APIManagerExtensionHandler;
import org.wso2.carbon.apimgt.gateway.handlers.throttling.ThrottleHandler;

import java.util.Map;

/** The handlers of an AI API, in the order in which API Manager's template puts them. */
public final class HostHandlers {
    private HostHandlers() {}

    /** Gives an API the host's own handlers, its authentication excepted. */
    public static TestDeployment on(TestDeployment api) {
        return unrecorded(api).handler(AnswerRecorder.class.getName(), Map.of());
    }

    /** The same without {@link AnswerRecorder}, which keeps every answer. */
    public static TestDeployment unrecorded(TestDeployment api) {
        return api.handler(TransportHandler.class.getName(), Map.of())
                .handler(APIMgtLatencyStatsHandler.class.getName(), Map.of())
                .handler(CorsHandler.class.getName(), Map.of())
                .handler(APIStatusHandler.class.getName(), Map.of())
                .handler(KeyTypeHandler.class.getName(), Map.of())
                .handler(SubscriberHandler.class.getName(), Map.of())
                .handler(ThrottleHandler.class.getName(), Map.of("id", "A"))
                .handler(APIManagerExtensionHandler.class.getName(), Map.of());
    }
}
