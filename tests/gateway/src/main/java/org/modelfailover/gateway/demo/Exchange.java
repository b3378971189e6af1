package org.modelfailover.gateway.demo;

import org.modelfailover.kit.ProviderProcess.Call;

import java.util.List;

/**
 * A question, its answer, and what happened in between.
 *
 * @param calls what the providers saw, in order
 * @param policy the Failover policy that was in charge
 */
record Exchange(Question question, Reply answer, List<Call> calls, Lineup policy) {
    /** In order: the models that were called. */
    List<String> models() {
        return calls.stream().map(Call::model).toList();
    }
}
