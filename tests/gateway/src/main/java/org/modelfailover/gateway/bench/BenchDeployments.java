package org.modelfailover.gateway.bench;

import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.FailoverConfigs.Candidate;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Writes the two deployment folders that {@code benches/throughput.sh} compares: the same API with
 * the Model Failover policy and without any.
 */
public final class BenchDeployments {
    private static final String ENDPOINT = "default_production_endpoint";

    private BenchDeployments() {}

    /**
     * @param arguments the folder to write to, the provider's URL
     */
    public static void main(String[] arguments) throws IOException {
        Path folder = Path.of(arguments[0]);
        api(arguments[1]).write(folder.resolve("send"));
        api(arguments[1])
                .failover(
                        FailoverConfigs.empty()
                                .production(List.of(at("gpt-4o"), at("gpt-4o-mini")))
                                .requestTimeout("30")
                                .suspendDuration("60")
                                .attributes())
                .write(folder.resolve("failover"));
    }

    private static Candidate at(String model) {
        return new Candidate("", model, ENDPOINT, "provider");
    }

    private static TestDeployment api(String url) {
        return TestDeployment.assistant()
                .endpoint(ENDPOINT, url)
                .headerKey("Authorization", "Bearer sk-bench");
    }
}
