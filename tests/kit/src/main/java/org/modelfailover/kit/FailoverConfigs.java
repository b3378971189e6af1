package org.modelfailover.kit;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;

import org.modelfailover.gateway.TestDeployment;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The policy's configuration, and the values of its optional attributes.
 *
 * <p>{@link #target} and {@link #sandboxTarget} begin one for tests that count calls: it keeps no
 * knowledge of failures unless it is told to, so that one test's failures are not the next one's
 * suspensions, and asks nobody twice.
 */
public final class FailoverConfigs {
    private final JsonObject root = new JsonObject();
    private final Map<String, Object> attributes = new HashMap<>();

    /** A model at an endpoint, with what the portal's editor writes beside them. */
    public record Candidate(String vendor, String model, String endpointId, String endpointName) {
        /** Of no named vendor, at an endpoint whose name is its id. */
        public static Candidate of(String model, String endpointId) {
            return new Candidate("", model, endpointId, endpointId);
        }

        private JsonObject json() {
            JsonObject candidate = new JsonObject();
            candidate.addProperty("vendor", vendor);
            candidate.addProperty("model", model);
            candidate.addProperty("endpointId", endpointId);
            candidate.addProperty("endpointName", endpointName);
            return candidate;
        }
    }

    private FailoverConfigs() {
        root.add("production", new JsonObject());
        root.add("sandbox", new JsonObject());
    }

    /** With two empty sections and nothing else. */
    public static FailoverConfigs empty() {
        return new FailoverConfigs();
    }

    /** With a production section of one candidate, for tests that count calls. */
    public static FailoverConfigs target(String model, String endpointId) {
        return counted().production(List.of(Candidate.of(model, endpointId)));
    }

    /** The same with the sandbox section alone. */
    public static FailoverConfigs sandboxTarget(String model, String endpointId) {
        return counted().sandbox(List.of(Candidate.of(model, endpointId)));
    }

    private static FailoverConfigs counted() {
        return empty().requestTimeout("5")
                .suspendDuration("0")
                .set("targetRetries", "0")
                .set("maxRetryAfterWait", "0s");
    }

    /** The production section: the target, then its fallbacks; an empty one for no candidates. */
    public FailoverConfigs production(List<Candidate> candidates) {
        root.add("production", section(candidates));
        return this;
    }

    /** The sandbox section, in the same way. */
    public FailoverConfigs sandbox(List<Candidate> candidates) {
        root.add("sandbox", section(candidates));
        return this;
    }

    private static JsonObject section(List<Candidate> candidates) {
        JsonObject section = new JsonObject();
        if (!candidates.isEmpty()) {
            section.add("targetModel", candidates.get(0).json());
            JsonArray fallbacks = new JsonArray();
            candidates.stream().skip(1).map(Candidate::json).forEach(fallbacks::add);
            section.add("fallbackModels", fallbacks);
        }
        return section;
    }

    /** One more fallback of the production section, which has its target already. */
    public FailoverConfigs fallback(String model, String endpointId) {
        root.getAsJsonObject("production")
                .getAsJsonArray("fallbackModels")
                .add(Candidate.of(model, endpointId).json());
        return this;
    }

    /** In seconds, as the portal stores them. */
    public FailoverConfigs requestTimeout(String seconds) {
        return set("requestTimeout", seconds);
    }

    /** In seconds, as the portal stores them. */
    public FailoverConfigs suspendDuration(String seconds) {
        return set("suspendDuration", seconds);
    }

    /** A key beside the sections. */
    public FailoverConfigs set(String key, String value) {
        root.addProperty(key, value);
        return this;
    }

    /** A key beside the sections, whatever its value; nothing is set when it is null. */
    public FailoverConfigs set(String key, JsonElement value) {
        if (value != null) {
            root.add(key, value);
        }
        return this;
    }

    /** Sets one of the policy's optional attributes. */
    public FailoverConfigs attribute(String name, String value) {
        attributes.put(name, value);
        return this;
    }

    /** The configuration as JSON. */
    public String json() {
        return root.toString();
    }

    /** The configuration as the portal's editor stores it. */
    public String stored() {
        return TestDeployment.asPortal(json());
    }

    /** All attribute values, as the template takes them. */
    public Map<String, Object> attributes() {
        Map<String, Object> all = new HashMap<>(attributes);
        all.put("failoverConfigs", stored());
        return all;
    }
}
