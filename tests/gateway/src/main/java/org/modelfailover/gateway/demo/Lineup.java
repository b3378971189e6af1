package org.modelfailover.gateway.demo;

import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.ProviderProcess.Call;

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
    /** One model at one endpoint. */
    record Candidate(String model, Endpoint endpoint) {
        private FailoverConfigs.Candidate entered() {
            return new FailoverConfigs.Candidate("OpenAI", model, endpoint.id(), endpoint.name());
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
        return FailoverConfigs.empty()
                .production(entered(production))
                .sandbox(entered(sandbox))
                .requestTimeout(requestTimeout)
                .suspendDuration(suspendDuration)
                .stored();
    }

    private static List<FailoverConfigs.Candidate> entered(List<Candidate> section) {
        return section.stream().map(Candidate::entered).toList();
    }

    /** Which candidate a call was for; those after the last are for none. */
    int place(Call call) {
        List<Candidate> all = Stream.concat(production.stream(), sandbox.stream()).toList();
        for (int i = 0; i < all.size(); i++) {
            if (all.get(i).model().equals(call.model()) && all.get(i).endpoint().saw(call)) {
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
