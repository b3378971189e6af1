package org.modelfailover.host;

import org.objenesis.ObjenesisHelper;
import org.wso2.carbon.apimgt.api.APIManagementException;
import org.wso2.carbon.apimgt.api.APIProvider;
import org.wso2.carbon.apimgt.api.model.OperationPolicy;
import org.wso2.carbon.apimgt.api.model.OperationPolicySpecification;
import org.wso2.carbon.apimgt.impl.utils.APIUtil;

import java.util.HashMap;
import java.util.Map;

/** API Manager's own code, called as its REST API calls it. */
final class ApiManager {
    private static final APIProvider PROVIDER = provider();

    private ApiManager() {}

    /**
     * Reads a specification, bare or wrapped in {@code data}, as at an upload.
     *
     * @throws APIManagementException with what the host's schema has against it
     */
    static OperationPolicySpecification specification(String json) throws APIManagementException {
        return APIUtil.getValidatedOperationPolicySpecification(json);
    }

    /**
     * Checks a policy's use, as when an API is saved.
     *
     * @throws APIManagementException with what is wrong with it
     */
    static void apply(
            OperationPolicySpecification specification,
            String flow,
            String apiType,
            Map<String, ?> parameters)
            throws APIManagementException {
        OperationPolicy applied = new OperationPolicy();
        applied.setPolicyName(specification.getName());
        applied.setPolicyVersion(specification.getVersion());
        applied.setDirection(flow);
        applied.setParameters(new HashMap<>(parameters));
        PROVIDER.validateAppliedPolicyWithSpecification(specification, applied, apiType);
    }

    /** The host's class, whose constructor asks for a database; what is called here does not. */
    private static APIProvider provider() {
        try {
            Class<?> notPublic = Class.forName("org.wso2.carbon.apimgt.impl.APIProviderImpl");
            return (APIProvider) ObjenesisHelper.newInstance(notPublic);
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException(e);
        }
    }
}
