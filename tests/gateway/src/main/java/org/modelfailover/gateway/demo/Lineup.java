package org.modelfailover.gateway.demo;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;

import org.modelfailover.gateway.TestDeployment;

import java.util.List;
import java.util.stream.Stream;

/**
 * The candidates of a Failover policy, target first, as an administrator enters them.
 *
 * @param sandbox of the sandbox section; may be empty
 * @param requestTimeout seconds, as the portal stores them
 * @param suspendDuration seconds, as the portal stores them
 */
record Lineup(
        List<Candidate> production,
        List<Candidate> sandbox,
        String requestTimeout,
        String suspendDuration) {
    private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

    /** One model at one endpoint. */
    record Candidate(String model, Endpoint endpoint) {
        private JsonObject json() {
            JsonObject json = new JsonObject();
            json.addProperty("vendor", "OpenAI");
            json.addProperty("model", model);
            json.addProperty("endpointId", endpoint.id());
            json.addProperty("endpointName", endpoint.name());
            return json;
        }

        @Override
        public String toString() {
            return model + " at " + endpoint;
        }
    }

    static Lineup of(Candidate... production) {
        return new Lineup(List.of(production), List.of(), "1.5", "2");
    }

    Lineup withSandbox(Candidate... candidates) {
        return new Lineup(production, List.of(candidates), requestTimeout, suspendDuration);
    }

    Lineup withTimes(String timeout, String suspend) {
        return new Lineup(production, sandbox, timeout, suspend);
    }

    /** The configuration as the portal's editor stores it: apostrophes, names and all. */
    String stored() {
        JsonObject all = new JsonObject();
        all.add("production", section(production));
        all.add("sandbox", section(sandbox));
        all.addProperty("requestTimeout", requestTimeout);
        all.addProperty("suspendDuration", suspendDuration);
        return TestDeployment.asPortal(GSON.toJson(all));
    }

    private static JsonObject section(List<Candidate> candidates) {
        JsonObject section = new JsonObject();
        if (!candidates.isEmpty()) {
            section.add("targetModel", candidates.get(0).json());
            JsonArray fallbacks = new JsonArray();
            candidates.subList(1, candidates.size()).forEach(c -> fallbacks.add(c.json()));
            section.add("fallbackModels", fallbacks);
        }
        return section;
    }

    /** Which candidate a call was for; those after the last are for none. */
    int place(Call call) {
        List<Candidate> all = Stream.concat(production.stream(), sandbox.stream()).toList();
        for (int i = 0; i < all.size(); i++) {
            if (all.get(i).model().equals(call.model()) && call.at(all.get(i).endpoint())) {
                return i;
            }
        }
        return all.size();
    }

    /** An endpoint's name by its id. */
    String nameOf(String id) {
        for (List<Candidate> section : List.of(production, sandbox)) {
            for (Candidate candidate : section) {
                if (candidate.endpoint().id().equals(id)) {
                    return candidate.endpoint().name();
                }
            }
        }
        return id;
    }

    @Override
    public String toString() {
        return describe(production);
    }

    static String describe(List<Candidate> section) {
        return String.join(", else ", section.stream().map(Candidate::toString).toList());
    }
}
