package org.modelfailover.host;

import org.objenesis.ObjenesisHelper;
import org.wso2.carbon.apimgt.api.APIManagementException;
import org.wso2.carbon.apimgt.api.APIProvider;
import org.wso2.carbon.apimgt.api.model.API;
import org.wso2.carbon.apimgt.api.model.APIIdentifier;
import org.wso2.carbon.apimgt.api.model.OperationPolicy;
import org.wso2.carbon.apimgt.api.model.OperationPolicyData;
import org.wso2.carbon.apimgt.api.model.OperationPolicyDefinition;
import org.wso2.carbon.apimgt.api.model.OperationPolicySpecification;
import org.wso2.carbon.apimgt.api.model.URITemplate;
import org.wso2.carbon.apimgt.impl.importexport.ExportFormat;
import org.wso2.carbon.apimgt.impl.utils.APIUtil;
import org.wso2.carbon.apimgt.rest.api.publisher.v1.common.SynapsePolicyAggregator;
import org.wso2.carbon.apimgt.rest.api.publisher.v1.common.mappings.ExportUtils;
import org.wso2.carbon.apimgt.rest.api.publisher.v1.common.mappings.ImportUtils;

import java.io.InputStream;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** API Manager's own code, called as its REST API calls it. */
final class ApiManager {
    /** What a policy may be attached to. */
    enum Level {
        API,
        OPERATION
    }

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
        OperationPolicy applied = applied(specification, flow, parameters);
        PROVIDER.validateAppliedPolicyWithSpecification(specification, applied, apiType);
    }

    /**
     * Makes the sequence of an API's request flow, as at a deployment: writes the policy into the
     * API's archive, reads it there, renders it, and puts the outcome into the sequence.
     *
     * @return the sequence's XML; empty when the host has dropped its only policy
     */
    static String sequence(
            OperationPolicySpecification specification,
            String template,
            Level level,
            Map<String, ?> parameters,
            Path archive)
            throws Exception {
        OperationPolicy applied = applied(specification, "request", parameters);
        applied.setPolicyType("common");
        OperationPolicyDefinition definition = new OperationPolicyDefinition();
        definition.setContent(template);
        OperationPolicyData data = new OperationPolicyData();
        data.setSpecification(specification);
        data.setSynapsePolicyDefinition(definition);
        Files.createDirectories(archive.resolve("Policies"));
        ExportUtils.exportPolicyData(
                APIUtil.getOperationPolicyFileName(
                        applied.getPolicyName(),
                        applied.getPolicyVersion(),
                        applied.getPolicyType()),
                data,
                archive.toString(),
                ExportFormat.YAML);

        API api = new API(new APIIdentifier("admin", "AssistantAPI", "1.0.0"));
        URITemplate operation = new URITemplate();
        operation.setHTTPVerb("POST");
        operation.setUriTemplate("/chat/completions");
        if (level == Level.API) {
            api.setApiPolicies(new ArrayList<>(List.of(applied)));
        } else {
            operation.setOperationPolicies(new ArrayList<>(List.of(applied)));
        }
        return SynapsePolicyAggregator.generatePolicySequenceForUriTemplateSet(
                Set.of(operation),
                api,
                "prod--AssistantAPI:v1.0.0--In",
                "request",
                archive.toString());
    }

    /**
     * Imports a zipped policy, as {@code apictl import policy api} has it done, into a server that
     * has no policy yet.
     *
     * @return what the server stores
     */
    static OperationPolicyData importedFrom(InputStream zip) throws APIManagementException {
        List<OperationPolicyData> stored = new ArrayList<>();
        InvocationHandler emptyServer =
                (proxy, method, arguments) -> {
                    switch (method.getName()) {
                        case "getCommonOperationPolicyByPolicyName":
                            return null;
                        case "addCommonOperationPolicy":
                            stored.add((OperationPolicyData) arguments[0]);
                            return "0b3b5a0e-7f6d-4f43-8f5c-4f3f5d1f7a11";
                        default:
                            throw new UnsupportedOperationException(method.toString());
                    }
                };
        APIProvider server =
                (APIProvider)
                        Proxy.newProxyInstance(
                                ApiManager.class.getClassLoader(),
                                new Class<?>[] {APIProvider.class},
                                emptyServer);
        String folder = ImportUtils.getArchivePathOfPolicyExtractedDirectory(zip);
        ImportUtils.importPolicy(folder, "carbon.super", server);
        return stored.get(0);
    }

    private static OperationPolicy applied(
            OperationPolicySpecification specification, String flow, Map<String, ?> parameters) {
        OperationPolicy applied = new OperationPolicy();
        applied.setPolicyName(specification.getName());
        applied.setPolicyVersion(specification.getVersion());
        applied.setDirection(flow);
        applied.setParameters(new HashMap<>(parameters));
        return applied;
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
