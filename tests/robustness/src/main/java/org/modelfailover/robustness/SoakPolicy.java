package org.modelfailover.robustness;

import org.modelfailover.kit.FailoverConfigs;

import java.util.List;

/**
 * One Model Failover policy of the soak.
 *
 * @param api the gateway that has its API
 * @param model the target's model
 * @param endpoints the candidates' endpoints, in order
 * @param remembers whether it has a suspend duration, so that a candidate may not be asked
 */
record SoakPolicy(int api, String model, List<String> endpoints, boolean remembers) {
    /** Where nobody listens. */
    static final String NOBODY = "nobody";

    static final List<String> PROVIDERS = List.of("one", "two", "three");

    static final List<SoakPolicy> ALL =
            List.of(
                    new SoakPolicy(0, "alpha", List.of("one", "two", "three"), false),
                    new SoakPolicy(0, "beta", List.of("two", "three", "one"), true),
                    new SoakPolicy(0, "gamma", List.of(NOBODY, "one", "two"), false),
                    new SoakPolicy(1, "delta", List.of("three"), false),
                    new SoakPolicy(1, "epsilon", List.of("two", "one"), false),
                    new SoakPolicy(1, "zeta", List.of("one", "three"), true));

    /** How many gateways there are. */
    static final int APIS = 2;

    /** Long enough for a busy machine, short enough for many silences in a minute. */
    private static final String REQUEST_TIMEOUT = "3";

    /** Above all but the answers that are meant to be too long. */
    static final String MAX_ANSWER_BODY = "256KiB";

    /** The model that a client asks for. */
    String target() {
        return model + "~told";
    }

    FailoverConfigs configs() {
        FailoverConfigs configs = FailoverConfigs.target(target(), endpoints.get(0));
        for (int i = 1; i < endpoints.size(); i++) {
            configs.fallback(model + i + "~told", endpoints.get(i));
        }
        return configs.requestTimeout(REQUEST_TIMEOUT)
                .suspendDuration(remembers ? "0.2" : "0")
                .attribute("idleTimeout", "2s")
                .attribute("maxSuspend", "1s")
                .attribute("maxAnswerBody", MAX_ANSWER_BODY);
    }
}
