package org.modelfailover.gateway.scenarios;

import com.google.gson.JsonElement;

import org.modelfailover.gateway.PolicyTemplate;
import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.FailoverConfigs.Candidate;

import java.util.LinkedHashMap;
import java.util.List;
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
            json = configurationOf(policy).json();
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

    private FailoverConfigs configurationOf(Scenario.Policy policy) {
        List<Candidate> section = policy.models().stream().map(this::candidate).toList();
        FailoverConfigs configuration = FailoverConfigs.empty();
        if (policy.section().equals("production")) {
            configuration.production(section);
        } else {
            configuration.sandbox(section);
        }
        configuration.set("requestTimeout", policy.requestTimeout());
        configuration.set("suspendDuration", policy.suspendDuration());
        if (!scenario.ownGateway()) {
            // The budget is the API's; the scenarios of one gateway must not use up each other's.
            configuration.set("retryBudget", "100% + 1000/s");
            // So that calls can be counted.
            configuration.set("targetRetries", "0");
            configuration.set("maxRetryAfterWait", "0s");
        }
        if (policy.settings() != null) {
            policy.settings().getAsJsonObject().asMap().forEach(configuration::set);
        }
        return configuration;
    }

    private Candidate candidate(String letter) {
        return new Candidate(
                "",
                template.fill("${" + letter + "}"),
                template.fill("${" + letter + ".endpoint}"),
                scenario.models().get(letter).endpoint());
    }
}
