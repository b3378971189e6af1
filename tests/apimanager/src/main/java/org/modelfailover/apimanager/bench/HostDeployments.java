package org.modelfailover.apimanager.bench;

import org.modelfailover.apimanager.AiProvider;
import org.modelfailover.apimanager.HostHandlers;
import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.gateway.bench.BenchDeployments;

import java.nio.file.Path;
import java.util.Map;

/**
 * Writes the deployment folders that {@code benches/host.sh} compares: {@code HostDeployments
 * <folder> <provider's URL>}.
 *
 * <p>All have API Manager's handlers, and as many properties in their contexts. {@code policy} has
 * the policy, {@code without} the gateway's own way to the provider, {@code mediator} API Manager's
 * {@code AIAPIMediator}, which reads each answer for its tokens.
 */
public final class HostDeployments {
    private HostDeployments() {}

    /** See the class. */
    public static void main(String[] arguments) {
        Path folder = Path.of(arguments[0]);
        String provider = arguments[1];
        api(provider)
                .failover(BenchDeployments.twoModels().attributes())
                .write(folder.resolve("policy"));
        api(provider).write(folder.resolve("without"));
        api(provider).hostAiMediator().write(folder.resolve("mediator"));
    }

    private static TestDeployment api(String provider) {
        TestDeployment api = TestDeployment.assistant().provider(AiProvider.OPENAI.id());
        return HostHandlers.unrecorded(api)
                .handler(ContextProperties.class.getName(), Map.of())
                .endpoint(BenchDeployments.PROVIDER, provider)
                .headerKey("Authorization", "Bearer sk-bench");
    }
}
