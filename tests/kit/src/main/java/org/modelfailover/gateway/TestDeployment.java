package org.modelfailover.gateway;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;

import org.modelfailover.gateway.DeploymentFolder.KeyPlace;
import org.modelfailover.gateway.DeploymentFolder.Stage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Writes deployment folders for tests.
 *
 * <pre>{@code
 * DeploymentFolder folder =
 *     TestDeployment.api("AssistantAPI", "1.0.0", "/assistant/1.0.0")
 *         .endpoint("default_production_endpoint", providerUrl)
 *             .stage(Stage.PRODUCTION).asDefault().headerKey("Authorization", "Bearer sk-1")
 *         .endpoint("0c1f…", otherUrl).headerKey("Authorization", "Bearer sk-2")
 *         .failover("{\"production\": …}")
 *         .write(temporaryFolder);
 * }</pre>
 */
public final class TestDeployment {
    private static final Gson GSON =
            new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

    private final JsonObject api = new JsonObject();
    private final JsonArray endpoints = new JsonArray();
    private final List<String> policies = new ArrayList<>();
    private final List<String> responsePolicies = new ArrayList<>();
    private final List<String> faultPolicies = new ArrayList<>();
    private String settings;
    private String senders;
    private Path bundle;

    private TestDeployment() {}

    /** Begins with an API of the tenant carbon.super. */
    public static TestDeployment api(String name, String version, String context) {
        TestDeployment deployment = new TestDeployment();
        deployment.api.addProperty("name", name);
        deployment.api.addProperty("version", version);
        deployment.api.addProperty("context", context);
        deployment.api.addProperty("tenant", "carbon.super");
        return deployment;
    }

    /** {@code AssistantAPI} 1.0.0 at {@code /assistant/1.0.0}, provider OpenAI. */
    public static TestDeployment assistant() {
        return api("AssistantAPI", "1.0.0", "/assistant/1.0.0").provider("OpenAI");
    }

    public TestDeployment tenant(String domain) {
        api.addProperty("tenant", domain);
        return this;
    }

    public TestDeployment provider(String name) {
        api.addProperty("provider", name);
        return this;
    }

    /** Lets API Manager's own {@code AIAPIMediator} serve the API. */
    public TestDeployment hostAiMediator() {
        api.addProperty("hostAiMediator", true);
        return this;
    }

    /** Adds a handler; with the first one, the stand-ins that are there otherwise are gone. */
    public TestDeployment handler(String className, Map<String, String> properties) {
        JsonObject handler = new JsonObject();
        handler.addProperty("class", className);
        JsonObject given = new JsonObject();
        properties.forEach(given::addProperty);
        handler.add("properties", given);
        if (!api.has("handlers")) {
            api.add("handlers", new JsonArray());
        }
        api.getAsJsonArray("handlers").add(handler);
        return this;
    }

    /** Adds an endpoint for both stages and without a key; the next calls say more about it. */
    public TestDeployment endpoint(String id, String url) {
        JsonObject endpoint = new JsonObject();
        endpoint.addProperty("id", id);
        endpoint.addProperty("url", url);
        endpoint.addProperty("stage", Stage.BOTH.name());
        endpoints.add(endpoint);
        return this;
    }

    /** Limits the last endpoint to one stage. */
    public TestDeployment stage(Stage stage) {
        last().addProperty("stage", stage.name());
        return this;
    }

    /** Makes the last endpoint its stage's default. */
    public TestDeployment asDefault() {
        last().addProperty("default", true);
        return this;
    }

    /** Gives the last endpoint a key in a header; {@code value} is the whole header's value. */
    public TestDeployment headerKey(String header, String value) {
        return key(KeyPlace.HEADER, header, value);
    }

    /** Gives the last endpoint a key in a query parameter. */
    public TestDeployment queryKey(String parameter, String value) {
        return key(KeyPlace.QUERY_PARAMETER, parameter, value);
    }

    private TestDeployment key(KeyPlace place, String identifier, String value) {
        JsonObject key = new JsonObject();
        key.addProperty("type", "apikey");
        key.addProperty("identifier", identifier);
        key.addProperty("in", place.name());
        key.addProperty("value", value);
        last().add("security", key);
        return this;
    }

    /** Lets requests to the last endpoint be signed by AWS Signature Version 4. */
    public TestDeployment awsKey(
            String accessKey, String secretKey, String region, String service) {
        JsonObject key = new JsonObject();
        key.addProperty("type", "aws");
        key.addProperty("accessKey", accessKey);
        key.addProperty("secretKey", secretKey);
        key.addProperty("region", region);
        key.addProperty("service", service);
        last().add("security", key);
        return this;
    }

    private JsonObject last() {
        return endpoints.get(endpoints.size() - 1).getAsJsonObject();
    }

    /** Adds a request-flow policy as it comes out of rendering. */
    public TestDeployment policy(String xml) {
        policies.add(xml);
        return this;
    }

    /** Adds a request-flow policy, rendered from a template as API Manager does it. */
    public TestDeployment policy(Path j2, Map<String, ?> params) {
        return policy(PolicyTemplate.render(j2, params));
    }

    /**
     * Adds the Model Failover policy.
     *
     * @param failoverConfigs strict JSON; stored as the portal's editor stores it, with apostrophes
     *     for quotes
     */
    public TestDeployment failover(String failoverConfigs) {
        return failover(Map.of("failoverConfigs", asPortal(failoverConfigs)));
    }

    /** Adds the Model Failover policy with attribute values just as given. */
    public TestDeployment failover(Map<String, ?> params) {
        return policy(modelFailoverTemplate(), params);
    }

    public TestDeployment responsePolicy(String xml) {
        responsePolicies.add(xml);
        return this;
    }

    public TestDeployment faultPolicy(String xml) {
        faultPolicies.add(xml);
        return this;
    }

    /** Puts a {@code deployment.toml} with this content into the folder. */
    public TestDeployment settings(String toml) {
        settings = toml;
        return this;
    }

    /** Gives the engine these {@code transportSender} elements in place of its own. */
    public TestDeployment senders(String xml) {
        senders = xml;
        return this;
    }

    /** Puts a copy of this jar into the folder as {@code bundle.jar}. */
    public TestDeployment bundle(Path jar) {
        bundle = jar;
        return this;
    }

    /** Writes the folder, which may exist but not hold a deployment yet, and reads it back. */
    public DeploymentFolder write(Path folder) {
        try {
            Files.createDirectories(folder);
            Files.writeString(folder.resolve("api.json"), GSON.toJson(api));
            Files.writeString(folder.resolve("endpoints.json"), GSON.toJson(endpoints));
            write(folder.resolve("policies"), policies);
            write(folder.resolve("response-policies"), responsePolicies);
            write(folder.resolve("fault-policies"), faultPolicies);
            if (settings != null) {
                Files.writeString(folder.resolve("deployment.toml"), settings);
            }
            if (senders != null) {
                Files.writeString(folder.resolve("senders.xml"), senders);
            }
            if (bundle != null) {
                Files.copy(bundle, folder.resolve("bundle.jar"));
            }
        } catch (IOException e) {
            throw new GatewayException(folder + ": " + e, e);
        }
        return DeploymentFolder.read(folder);
    }

    private static void write(Path folder, List<String> fragments) throws IOException {
        for (int i = 0; i < fragments.size(); i++) {
            Files.createDirectories(folder);
            Files.writeString(
                    folder.resolve(String.format("%02d-policy.xml", i)), fragments.get(i));
        }
    }

    /** What the portal's editor does to a configuration before it stores it. */
    public static String asPortal(String json) {
        return json.replace('"', '\'');
    }

    /**
     * The definition of the Model Failover policy, {@code
     * policy-definitions/modelFailover/modelFailover_v2.j2}, found from the working folder upwards
     * or named by the system property {@code model.failover.template}.
     */
    public static Path modelFailoverTemplate() {
        String named = System.getProperty("model.failover.template");
        if (named != null) {
            return Path.of(named);
        }
        Path relative = Path.of("policy-definitions", "modelFailover", "modelFailover_v2.j2");
        for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
            if (Files.exists(at.resolve(relative))) {
                return at.resolve(relative);
            }
        }
        throw new GatewayException(
                relative + ": not found from " + Path.of("").toAbsolutePath() + " up");
    }
}
