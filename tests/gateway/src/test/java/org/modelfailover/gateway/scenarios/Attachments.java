package org.modelfailover.gateway.scenarios;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;

import org.modelfailover.gateway.PolicyTemplate;
import org.modelfailover.gateway.TestDeployment;

import java.util.LinkedHashMap;
import java.util.Map;

/** The policies that a scenario has attached to the API. */
final class Attachments {
    private final Scenario scenario;
    private final Template template;

    Attachments(Scenario scenario) {
        this.scenario = scenario;
        this.template = new Template(scenario);
    }

    /** They, as API Manager renders them. */
    String mediators() {
        StringBuilder mediators = new StringBuilder();
        for (Scenario.Policy policy : scenario.policies()) {
            Map<String, String> attributes = new LinkedHashMap<>();
            attributes.put("failoverConfigs", configuration(policy));
            if (policy.attributes() != null) {
                for (Map.Entry<String, JsonElement> e :
                        policy.attributes().getAsJsonObject().entrySet()) {
                    attributes.put(e.getKey(), e.getValue().getAsString());
                }
            }
            mediators.append(
                    PolicyTemplate.render(TestDeployment.modelFailoverTemplate(), attributes));
        }
        return mediators.toString();
    }

    private String configuration(Scenario.Policy policy) {
        String json;
        if (policy.configuration() != null) {
            JsonElement filled = template.fill(policy.configuration());
            if (filled.isJsonPrimitive()) {
                return filled.getAsString();
            }
            json = filled.toString();
        } else {
            json = configurationOf(policy).toString();
        }
        switch (policy.form()) {
            case "portal":
                return TestDeployment.asPortal(json);
            case "entities":
                return json.replace("\"", "&quot;");
            case "json":
                return json;
            default:
                throw new IllegalArgumentException(scenario.id() + ": form " + policy.form());
        }
    }

    private JsonObject configurationOf(Scenario.Policy policy) {
        JsonObject configuration = new JsonObject();
        JsonObject section = new JsonObject();
        JsonArray fallbacks = new JsonArray();
        for (String letter : policy.models()) {
            JsonObject row = new JsonObject();
            row.addProperty("vendor", "");
            row.addProperty("model", template.fill("${" + letter + "}"));
            row.addProperty("endpointId", template.fill("${" + letter + ".endpoint}"));
            row.addProperty("endpointName", scenario.models().get(letter).endpoint());
            if (section.has("targetModel")) {
                fallbacks.add(row);
            } else {
                section.add("targetModel", row);
            }
        }
        section.add("fallbackModels", fallbacks);
        boolean production = policy.section().equals("production");
        configuration.add("production", production ? section : new JsonObject());
        configuration.add("sandbox", production ? new JsonObject() : section);
        if (policy.requestTimeout() != null) {
            configuration.add("requestTimeout", policy.requestTimeout());
        }
        if (policy.suspendDuration() != null) {
            configuration.add("suspendDuration", policy.suspendDuration());
        }
        if (!scenario.ownGateway()) {
            // The budget is the API's; the scenarios of one gateway must not use up each other's.
            configuration.addProperty("retryBudget", "100% + 1000/s");
            // So that calls can be counted.
            configuration.addProperty("targetRetries", "0");
            configuration.addProperty("maxRetryAfterWait", "0s");
        }
        if (policy.settings() != null) {
            policy.settings()
                    .getAsJsonObject()
                    .entrySet()
                    .forEach(e -> configuration.add(e.getKey(), e.getValue()));
        }
        return configuration;
    }
}
