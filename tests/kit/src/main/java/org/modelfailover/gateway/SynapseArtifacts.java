package org.modelfailover.gateway;

import org.modelfailover.gateway.DeploymentFolder.Api;
import org.modelfailover.gateway.DeploymentFolder.ApiHandler;
import org.modelfailover.gateway.DeploymentFolder.ApiKey;
import org.modelfailover.gateway.DeploymentFolder.AwsKey;
import org.modelfailover.gateway.DeploymentFolder.Endpoint;
import org.modelfailover.gateway.DeploymentFolder.Policy;
import org.modelfailover.gateway.DeploymentFolder.Security;
import org.modelfailover.gateway.DeploymentFolder.Stage;
import org.modelfailover.gateway.host.ExtensionHandler;
import org.modelfailover.gateway.host.KeyTypeHandler;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The Synapse documents of one API, with the names and the structure that API Manager's templates
 * give them; where Synapse 3.0.1 knows an element by another name, that one is taken.
 *
 * @param endpoints name → document
 * @param sequences name → document, those that others refer to first
 * @param api the API's document
 */
record SynapseArtifacts(Map<String, String> endpoints, Map<String, String> sequences, String api) {
    private static final String NS = "xmlns=\"http://ws.apache.org/ns/synapse\"";

    /** {@code apim.ai.failover_configurations.failover_endpoints_limit} of API Manager. */
    private static final int FAILOVER_ENDPOINTS_LIMIT = 10;

    /** {@code apim.ai.default_request_timeout} of API Manager, in milliseconds. */
    private static final int DEFAULT_REQUEST_TIMEOUT = 30_000;

    private static final String COUNT_UP =
            "<property name=\"retryCount\" expression=\"get-property('default','retryCount') +"
                    + " 1\" scope=\"default\"/>\n";

    static SynapseArtifacts of(DeploymentFolder folder) {
        Api api = folder.api();
        Map<String, String> endpoints = new LinkedHashMap<>();
        for (Endpoint endpoint : folder.endpoints()) {
            String name = endpointName(api, endpoint);
            endpoints.put(name, endpointXml(name, endpoint));
        }
        Map<String, String> sequences = new LinkedHashMap<>();
        for (Stage stage : List.of(Stage.PRODUCTION, Stage.SANDBOX)) {
            String name = endpointsSequence(api, stage);
            if (api.hostAiMediator() && folder.defaultEndpoint(stage).isPresent()) {
                sequences.put(resumption(name), resumptionXml(api, name));
            }
            folder.defaultEndpoint(stage)
                    .ifPresent(
                            first ->
                                    sequences.put(
                                            name,
                                            endpointsSequenceXml(
                                                    api, name, folder.endpoints(stage), first)));
        }
        put(sequences, api.synapseName() + "--In", folder.policies(), "");
        put(sequences, api.synapseName() + "--Out", folder.responsePolicies(), "");
        put(
                sequences,
                api.synapseName() + "--Fault",
                folder.faultPolicies(),
                "<sequence key=\"fault\"/>\n");
        return new SynapseArtifacts(endpoints, sequences, apiXml(folder));
    }

    /** Writes every document into a folder, for whoever wants to look at what was deployed. */
    void write(Path directory) throws IOException {
        write(directory.resolve("endpoints"), endpoints);
        write(directory.resolve("sequences"), sequences);
        write(directory.resolve("api"), Map.of("api", api));
    }

    private static void write(Path directory, Map<String, String> documents) throws IOException {
        Files.createDirectories(directory);
        for (Map.Entry<String, String> document : documents.entrySet()) {
            Files.writeString(
                    directory.resolve(document.getKey().replace(':', '_') + ".xml"),
                    document.getValue());
        }
    }

    private static void put(
            Map<String, String> sequences, String name, List<Policy> policies, String last) {
        String mediators = policies.stream().map(Policy::xml).collect(Collectors.joining("\n"));
        sequences.put(
                name,
                "<sequence " + NS + " name=\"" + name + "\">\n" + mediators + last + "</sequence>");
    }

    private static String endpointName(Api api, Endpoint endpoint) {
        return api.endpointKey() + "_API_LLMEndpoint_" + endpoint.id();
    }

    private static String endpointsSequence(Api api, Stage stage) {
        return api.endpointKey() + "_EndpointsSeq" + stage;
    }

    private static String endpointXml(String name, Endpoint endpoint) {
        return String.join(
                "\n",
                "<endpoint " + NS + " name=\"" + name + "\">",
                "  <address uri=\"" + Xml.escape(endpoint.url()) + "\">",
                "    <timeout>",
                "      <duration>" + DEFAULT_REQUEST_TIMEOUT + "</duration>",
                "      <responseAction>fault</responseAction>",
                "    </timeout>",
                "  </address>",
                "  <property name=\"ENDPOINT_ADDRESS\" value=\""
                        + Xml.escape(endpoint.url())
                        + "\"/>",
                "</endpoint>");
    }

    private static String endpointsSequenceXml(
            Api api, String name, List<Endpoint> endpoints, Endpoint defaultEndpoint) {
        StringBuilder cases = new StringBuilder();
        for (Endpoint endpoint : endpoints) {
            cases.append(switchCase(endpoint.id(), drawEndpoint(api, name, endpoint)));
        }
        cases.append(switchCase("DEFAULT", drawEndpoint(api, name, defaultEndpoint)));
        cases.append(switchCase("REJECT", failScenario()));
        cases.append(switchCase("EXIT", "<loopback/>\n"));
        return "<sequence "
                + NS
                + " name=\""
                + name
                + "\">\n"
                + "<filter xpath=\"$ctx:retryCount &gt; "
                + FAILOVER_ENDPOINTS_LIMIT
                + "\">\n"
                + "<then>\n"
                + failScenario()
                + "</then>\n"
                + "<else>\n"
                + COUNT_UP
                + "<switch source=\"get-property('TARGET_ENDPOINT')\">\n"
                + cases
                + "</switch>\n"
                + behindCall(api, name)
                + "</else>\n"
                + "</filter>\n"
                + "</sequence>";
    }

    private static String switchCase(String regex, String mediators) {
        return "<case regex=\"" + regex + "\">\n" + mediators + "</case>\n";
    }

    /** What stands behind the calls: counts, looks at the answer, and goes round again. */
    private static String behindCall(Api api, String name) {
        return COUNT_UP + aiApiMediator(api, "OUT") + "<sequence key=\"" + name + "\"/>\n";
    }

    /** Where {@code <call>} goes on in 3.0.1, which can't find its place in a sequence again. */
    private static String resumption(String name) {
        return name + "--resumed";
    }

    private static String resumptionXml(Api api, String name) {
        return "<sequence "
                + NS
                + " name=\""
                + resumption(name)
                + "\">\n"
                + "<class name=\"org.modelfailover.gateway.host.Resumption\"/>\n"
                + behindCall(api, name)
                + "</sequence>";
    }

    private static String drawEndpoint(Api api, String sequence, Endpoint endpoint) {
        String resume = api.hostAiMediator() ? " resume=\"" + resumption(sequence) + "\"" : "";
        return endpoint.security().map(security -> signer(endpoint, security)).orElse("")
                + "<call"
                + resume
                + "><endpoint key=\""
                + endpointName(api, endpoint)
                + "\"/></call>\n";
    }

    private static String signer(Endpoint endpoint, Security security) {
        return security instanceof ApiKey key
                ? apiKeyMediator(key)
                : awsSigner(endpoint, (AwsKey) security);
    }

    private static String awsSigner(Endpoint endpoint, AwsKey key) {
        return "<class name=\"org.wso2.carbon.apimgt.gateway.mediators.AWSSigV4Signer\">\n"
                + property("accessKey", key.accessKey())
                + property("secretKey", key.secretKey())
                + property("region", key.region())
                + property("service", key.service())
                + property("endpoint", endpoint.url())
                + "</class>\n";
    }

    private static String apiKeyMediator(ApiKey key) {
        return "<class name=\"org.wso2.carbon.apimgt.gateway.mediators.ApiKeyMediator\">\n"
                + property("apiKeyIdentifier", key.identifier())
                + property("apiKeyIdentifierType", key.place().name())
                + property("apiKeyValue", key.value())
                + "</class>\n";
    }

    private static String property(String name, String value) {
        return "<property name=\""
                + name
                + "\" value=\""
                + Xml.escape(value)
                + "\" type=\"STRING\"/>\n";
    }

    private static String aiApiMediator(Api api, String direction) {
        if (api.hostAiMediator()) {
            return "<class name=\"org.wso2.carbon.apimgt.gateway.mediators.AIAPIMediator\">\n"
                    + property("llmProviderId", api.provider().orElse(""))
                    + property("direction", direction)
                    + "</class>\n";
        }
        return "<class name=\"org.modelfailover.gateway.host.AiApiMediator\">\n"
                + property("direction", direction)
                + "</class>\n";
    }

    private static String failScenario() {
        return "<property name=\"ERROR_CODE\" value=\"900808\"/>\n"
                + "<property name=\"ERROR_MESSAGE\""
                + " value=\"No active endpoints available. Please try again later.\"/>\n"
                + "<property name=\"CUSTOM_HTTP_SC\" value=\"503\"/>\n"
                + "<sequence key=\"fault\"/>\n";
    }

    private static String apiXml(DeploymentFolder folder) {
        Api api = folder.api();
        String fault = folder.faultPolicies().isEmpty() ? "fault" : api.synapseName() + "--Fault";
        String provider =
                api.provider()
                        .map(
                                p ->
                                        "<property name=\"llmProviderId\" value=\""
                                                + Xml.escape(p)
                                                + "\"/>\n")
                        .orElse("");
        // The version is part of name and context, as in the host's property SYNAPSE_REST_API: with
        // a
        // version attribute, 3.0.1 loses every answer, because it compares them by the bare name.
        return "<api "
                + NS
                + " name=\""
                + api.synapseName()
                + "\" context=\""
                + api.context()
                + "\">\n"
                + "<resource url-mapping=\"/*\" faultSequence=\""
                + fault
                + "\">\n"
                + "<inSequence>\n"
                + "<property name=\"Accept-Encoding\" scope=\"transport\" action=\"remove\"/>\n"
                + provider
                + aiApiMediator(api, "IN")
                + "<property name=\"retryCount\" value=\"0\" scope=\"default\"/>\n"
                + "<property name=\"api.ut.backendRequestTime\""
                + " expression=\"get-property('SYSTEM_TIME')\"/>\n"
                + "<filter source=\"$ctx:AM_KEY_TYPE\" regex=\"PRODUCTION\">\n"
                + "<then>\n"
                + stage(folder, Stage.PRODUCTION)
                + "</then>\n"
                + "<else>\n"
                + stage(folder, Stage.SANDBOX)
                + "</else>\n"
                + "</filter>\n"
                + "</inSequence>\n"
                + "<outSequence>\n<send/>\n</outSequence>\n"
                + "</resource>\n"
                + "<handlers>\n"
                + handlers(api)
                + "</handlers>\n"
                + "</api>";
    }

    private static String handlers(Api api) {
        List<ApiHandler> handlers =
                api.handlers().isEmpty()
                        ? List.of(
                                new ApiHandler(KeyTypeHandler.class.getName(), Map.of()),
                                new ApiHandler(ExtensionHandler.class.getName(), Map.of()))
                        : api.handlers();
        StringBuilder xml = new StringBuilder();
        for (ApiHandler handler : handlers) {
            xml.append("<handler class=\"").append(handler.className()).append("\">\n");
            handler.properties()
                    .forEach(
                            (name, value) ->
                                    xml.append("<property name=\"")
                                            .append(name)
                                            .append("\" value=\"")
                                            .append(Xml.escape(value))
                                            .append("\"/>\n"));
            xml.append("</handler>\n");
        }
        return xml.toString();
    }

    private static String stage(DeploymentFolder folder, Stage stage) {
        Optional<Endpoint> endpoint = folder.defaultEndpoint(stage);
        if (endpoint.isPresent()) {
            return "<sequence key=\"" + endpointsSequence(folder.api(), stage) + "\"/>\n";
        }
        String other = stage == Stage.SANDBOX ? "Sandbox" : "Production";
        return "<property name=\"ERROR_CODE\" value=\"900901\"/>\n"
                + "<property name=\"ERROR_MESSAGE\" value=\""
                + other
                + " key offered to an API with no "
                + other.toLowerCase(java.util.Locale.ROOT)
                + " endpoint\"/>\n"
                + "<property name=\"CUSTOM_HTTP_SC\" value=\"403\"/>\n"
                + "<sequence key=\"fault\"/>\n";
    }
}
