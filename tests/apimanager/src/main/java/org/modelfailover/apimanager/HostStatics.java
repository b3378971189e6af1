package org.modelfailover.apimanager;

import org.wso2.carbon.apimgt.api.APIManagementException;
import org.wso2.carbon.apimgt.gateway.internal.DataHolder;
import org.wso2.carbon.apimgt.gateway.throttling.publisher.ThrottleDataPublisher;
import org.wso2.carbon.apimgt.impl.APIManagerAnalyticsConfiguration;
import org.wso2.carbon.apimgt.impl.APIManagerConfiguration;
import org.wso2.carbon.apimgt.impl.APIManagerConfigurationServiceImpl;
import org.wso2.carbon.apimgt.impl.dto.ThrottleProperties;
import org.wso2.carbon.apimgt.impl.dto.ai.AIAPIConfigurationsDTO;
import org.wso2.carbon.apimgt.impl.internal.ServiceReferenceHolder;

import java.nio.file.Path;

/** What API Manager's start-up would have put where its handlers and mediators look. */
public final class HostStatics {
    private static final Path CARBON_HOME = Path.of(System.getProperty("carbon.home"));

    /** {@code apim.ai.default_request_timeout}, and that of failover configurations, in seconds. */
    private static final long REQUEST_TIMEOUT = 30;

    private HostStatics() {}

    /** Puts it there; once for a JVM is enough. */
    public static void prepare() {
        AIAPIConfigurationsDTO.FailoverConfigurations failover =
                new AIAPIConfigurationsDTO.FailoverConfigurations();
        failover.setDefaultRequestTimeout(REQUEST_TIMEOUT);
        APIManagerConfiguration configuration = load();
        AIAPIConfigurationsDTO ai = APIManagerConfiguration.getAiApiConfigurationsDTO();
        ai.setFailoverConfigurations(failover);
        ai.setDefaultRequestTimeout(REQUEST_TIMEOUT);
        APIManagerConfigurationServiceImpl service =
                new APIManagerConfigurationServiceImpl(configuration);
        ServiceReferenceHolder.getInstance().setAPIManagerConfigurationService(service);
        APIManagerAnalyticsConfiguration.getInstance().setAPIManagerConfiguration(configuration);

        var gateway = org.wso2.carbon.apimgt.gateway.internal.ServiceReferenceHolder.getInstance();
        gateway.setAPIManagerConfigurationService(service);
        try {
            for (AiProvider provider : AiProvider.values()) {
                DataHolder.getInstance().addLLMProviderConfigurations(provider.info());
                gateway.addLLMProviderService(provider.service().getType(), provider.service());
            }
        } catch (APIManagementException e) {
            throw new IllegalStateException(e);
        }
        gateway.setThrottleProperties(throttling());
        gateway.setThrottleDataPublisher(new ThrottleDataPublisher());
    }

    private static APIManagerConfiguration load() {
        try {
            APIManagerConfiguration configuration = new APIManagerConfiguration();
            configuration.load(CARBON_HOME.resolve("repository/conf/api-manager.xml").toString());
            return configuration;
        } catch (APIManagementException e) {
            throw new IllegalStateException(e);
        }
    }

    private static ThrottleProperties throttling() {
        ThrottleProperties.DataPublisher publisher = new ThrottleProperties.DataPublisher();
        publisher.setEnabled(true);
        ThrottleProperties.DataPublisherPool pool = new ThrottleProperties.DataPublisherPool();
        pool.setMaxIdle(10);
        pool.setInitIdleCapacity(1);
        ThrottleProperties.DataPublisherThreadPool threads =
                new ThrottleProperties.DataPublisherThreadPool();
        threads.setCorePoolSize(1);
        threads.setMaximumPoolSize(1);
        threads.setKeepAliveTime(1);
        ThrottleProperties properties = new ThrottleProperties();
        properties.setDataPublisher(publisher);
        properties.setDataPublisherPool(pool);
        properties.setDataPublisherThreadPool(threads);
        return properties;
    }
}
