package org.modelfailover.kit;

import org.modelfailover.gateway.DeploymentFolder;
import org.modelfailover.gateway.EmbeddedGateway;
import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.ProviderProcess.Call;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;

/**
 * Simulated providers, and one gateway between them and the clients. Each API that is deployed is
 * of a version of its own, which remembers nothing of the one before.
 */
public final class World implements AutoCloseable {
    private static final Duration STEP = Duration.ofMillis(20);

    private final Path folder;
    private final Map<String, ProviderProcess> providers = new LinkedHashMap<>();
    private EmbeddedGateway gateway;
    private int version;

    /** Starts providers of these names; the gateway comes with the first deployment. */
    public World(Path folder, String... providers) {
        this.folder = folder;
        for (String name : providers) {
            this.providers.put(name, ProviderProcess.start(name));
        }
    }

    public ProviderProcess at(String provider) {
        return providers.get(provider);
    }

    /** An API to be deployed next, with no endpoints yet. */
    public TestDeployment nextApi() {
        version++;
        return TestDeployment.api("AssistantAPI", version(), "/assistant/" + version());
    }

    /** The last API's. */
    public String version() {
        return version + ".0.0";
    }

    /** Deploys the last {@link #nextApi} in place of what is deployed. */
    public void deploy(TestDeployment api) {
        DeploymentFolder written = api.write(folder.resolve("api-" + version));
        if (gateway == null) {
            gateway = EmbeddedGateway.start(written);
        } else {
            gateway.redeploy(written);
        }
    }

    /** The gateway's address, without a path. */
    public String origin() {
        return gateway.origin();
    }

    /** The API's address. */
    public String api() {
        return gateway.baseUrl();
    }

    /** Makes all providers healthy, and without memory of calls. */
    public void forget() {
        providers.values().forEach(ProviderProcess::forget);
    }

    public void forgetCalls() {
        providers.values().forEach(ProviderProcess::forgetCalls);
    }

    /** The calls at all providers in the order in which they came; {@code among} decides ties. */
    public List<Call> calls(ToIntFunction<Call> among) {
        List<Call> calls = new ArrayList<>();
        providers.values().forEach(provider -> calls.addAll(provider.calls()));
        calls.sort(Comparator.comparing(Call::time).thenComparingInt(among));
        return calls;
    }

    /** The same when all of them have ended, or when {@code limit} has passed. */
    public List<Call> endedCalls(Duration limit, ToIntFunction<Call> among) {
        return Until.orLast(
                limit, STEP, () -> calls(among), calls -> calls.stream().allMatch(Call::hasEnded));
    }

    @Override
    public void close() {
        try {
            if (gateway != null) {
                gateway.close();
            }
        } finally {
            providers.values().forEach(ProviderProcess::close);
        }
    }
}
