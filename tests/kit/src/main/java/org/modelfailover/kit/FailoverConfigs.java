package org.modelfailover.kit;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;

import org.modelfailover.gateway.TestDeployment;

import java.util.HashMap;
import java.util.Map;

/**
 * The policy's configuration as the portal stores it. Keeps no knowledge of failures unless it is
 * told to, so that one test's failures are not the next one's suspensions, and asks nobody twice,
 * so that calls can be counted.
 */
public final class FailoverConfigs {
    private final JsonObject production = new JsonObject();
    private final JsonObject sandbox = new JsonObject();
    private final JsonObject root = new JsonObject();
    private final Map<String, Object> attributes = new HashMap<>();

    private FailoverConfigs() {
        root.add("production", production);
        root.add("sandbox", sandbox);
        root.addProperty("requestTimeout", "5");
        root.addProperty("suspendDuration", "0");
        root.addProperty("targetRetries", "0");
        root.addProperty("maxRetryAfterWait", "0s");
        production.add("fallbackModels", new JsonArray());
    }

    public static FailoverConfigs target(String model, String endpointId) {
        FailoverConfigs configs = new FailoverConfigs();
        configs.production.add("targetModel", candidate(model, endpointId));
        return configs;
    }

    /** With the sandbox section alone. */
    public static FailoverConfigs sandboxTarget(String model, String endpointId) {
        FailoverConfigs configs = new FailoverConfigs();
        configs.root.add("production", new JsonObject());
        configs.sandbox.add("targetModel", candidate(model, endpointId));
        configs.sandbox.add("fallbackModels", new JsonArray());
        return configs;
    }

    public FailoverConfigs fallback(String model, String endpointId) {
        production.getAsJsonArray("fallbackModels").add(candidate(model, endpointId));
        return this;
    }

    private static JsonObject candidate(String model, String endpointId) {
        JsonObject candidate = new JsonObject();
        candidate.addProperty("vendor", "");
        candidate.addProperty("model", model);
        candidate.addProperty("endpointId", endpointId);
        candidate.addProperty("endpointName", endpointId);
        return candidate;
    }

    public FailoverConfigs requestTimeout(String seconds) {
        root.addProperty("requestTimeout", seconds);
        return this;
    }

    public FailoverConfigs suspendDuration(String seconds) {
        root.addProperty("suspendDuration", seconds);
        return this;
    }

    /** Sets one of the policy's optional attributes. */
    public FailoverConfigs attribute(String name, String value) {
        attributes.put(name, value);
        return this;
    }

    /** All attribute values, as the template takes them. */
    public Map<String, Object> attributes() {
        Map<String, Object> all = new HashMap<>(attributes);
        all.put("failoverConfigs", TestDeployment.asPortal(root.toString()));
        return all;
    }
}
