package org.modelfailover.gateway.bench;

import org.modelfailover.gateway.TestDeployment;

import java.io.IOException;
import java.nio.file.Path;

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
        String target = row("gpt-4o", ENDPOINT);
        String fallback = row("gpt-4o-mini", ENDPOINT);
        String section = "{\"targetModel\":" + target + ",\"fallbackModels\":[" + fallback + "]}";
        api(arguments[1])
                .failover(
                        "{\"production\":"
                                + section
                                + ",\"sandbox\":{},\"requestTimeout\":\"30\",\"suspendDuration\":\"60\"}")
                .write(folder.resolve("failover"));
    }

    private static TestDeployment api(String url) {
        return TestDeployment.assistant()
                .endpoint(ENDPOINT, url)
                .headerKey("Authorization", "Bearer sk-bench");
    }

    private static String row(String model, String endpoint) {
        return "{\"vendor\":\"\",\"model\":\""
                + model
                + "\",\"endpointId\":\""
                + endpoint
                + "\",\"endpointName\":\"provider\"}";
    }
}
