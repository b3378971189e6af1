package org.modelfailover.comparison;

import com.google.gson.Gson;

import org.wso2.carbon.apimgt.api.APIManagementException;
import org.wso2.carbon.apimgt.api.LLMProviderConfiguration;
import org.wso2.carbon.apimgt.api.LLMProviderService;
import org.wso2.carbon.apimgt.api.OpenAiLLMProviderService;
import org.wso2.carbon.apimgt.api.model.LLMProvider;
import org.wso2.carbon.apimgt.api.model.LLMProviderInfo;
import org.wso2.carbon.apimgt.gateway.internal.DataHolder;
import org.wso2.carbon.apimgt.impl.APIManagerConfiguration;
import org.wso2.carbon.apimgt.impl.APIManagerConfigurationServiceImpl;
import org.wso2.carbon.apimgt.impl.dto.ai.AIAPIConfigurationsDTO;
import org.wso2.carbon.apimgt.impl.internal.ServiceReferenceHolder;

/** What API Manager's start-up would have put where its mediators look. */
final class HostStatics {
    static final String PROVIDER = "OpenAI";

    /** {@code apim.ai.default_request_timeout}, and that of failover configurations, in seconds. */
    private static final long REQUEST_TIMEOUT = 30;

    private HostStatics() {}

    static void prepare() throws APIManagementException {
        AIAPIConfigurationsDTO.FailoverConfigurations failover =
                new AIAPIConfigurationsDTO.FailoverConfigurations();
        failover.setDefaultRequestTimeout(REQUEST_TIMEOUT);
        APIManagerConfiguration configuration = new APIManagerConfiguration();
        AIAPIConfigurationsDTO ai = APIManagerConfiguration.getAiApiConfigurationsDTO();
        ai.setFailoverConfigurations(failover);
        ai.setDefaultRequestTimeout(REQUEST_TIMEOUT);
        ServiceReferenceHolder.getInstance()
                .setAPIManagerConfigurationService(
                        new APIManagerConfigurationServiceImpl(configuration));

        LLMProviderService service = new OpenAiLLMProviderService();
        LLMProvider provider = service.getLLMProvider();
        LLMProviderInfo info = new LLMProviderInfo();
        info.setId(PROVIDER);
        info.setName(provider.getName());
        info.setApiVersion(provider.getApiVersion());
        info.setConfigurations(
                new Gson().fromJson(provider.getConfigurations(), LLMProviderConfiguration.class));
        DataHolder.getInstance().addLLMProviderConfigurations(info);
        org.wso2.carbon.apimgt.gateway.internal.ServiceReferenceHolder.getInstance()
                .addLLMProviderService(service.getType(), service);
    }
}
