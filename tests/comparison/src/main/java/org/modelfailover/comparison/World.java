package org.modelfailover.comparison;

import org.modelfailover.apimanager.AiProvider;
import org.modelfailover.gateway.DeploymentFolder;
import org.modelfailover.gateway.EmbeddedGateway;
import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.gateway.demo.Call;
import org.modelfailover.gateway.demo.Provider;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/** Three providers and one gateway, which gets a new API for each scenario and side. */
final class World implements AutoCloseable {
    private static final Map<String, String> KEYS =
            Map.of(
                    Candidate.DEFAULT, "sk-default",
                    Candidate.SECOND, "sk-second",
                    Candidate.THIRD, "sk-third");

    private final Path folder;
    private final Map<String, Provider> providers;
    private EmbeddedGateway gateway;
    private int deployments;

    World(Path folder) throws IOException {
        this.folder = folder;
        providers =
                Map.of(
                        Candidate.DEFAULT, Provider.start("first", folder),
                        Candidate.SECOND, Provider.start("second", folder),
                        Candidate.THIRD, Provider.start("third", folder));
    }

    /** The key that an endpoint has. */
    static String keyOf(Candidate candidate) {
        return KEYS.get(candidate.endpoint());
    }

    /** Deploys an API of a new version, which remembers nothing, and makes all providers well. */
    void deploy(Side side, String stored, boolean defaultListens)
            throws IOException, InterruptedException {
        for (Provider provider : providers.values()) {
            provider.reset();
        }
        deployments++;
        TestDeployment api =
                TestDeployment.api(
                                "AssistantAPI", deployments + ".0.0", "/assistant/" + deployments)
                        .provider(AiProvider.OPENAI.id());
        String first = defaultListens ? at(Candidate.DEFAULT).origin() : nobody();
        api.endpoint(Candidate.DEFAULT, first + "/v1")
                .asDefault()
                .headerKey("Authorization", "Bearer " + KEYS.get(Candidate.DEFAULT))
                .endpoint(Candidate.SECOND, at(Candidate.SECOND).origin() + "/v1")
                .headerKey("x-api-key", KEYS.get(Candidate.SECOND))
                .endpoint(Candidate.THIRD, at(Candidate.THIRD).origin() + "/v1")
                .headerKey("Authorization", "Bearer " + KEYS.get(Candidate.THIRD));
        side.attach(api, stored);
        DeploymentFolder written = api.write(folder.resolve("api-" + deployments));
        if (gateway == null) {
            gateway = EmbeddedGateway.start(written);
        } else {
            gateway.redeploy(written);
        }
    }

    String api() {
        return gateway.baseUrl();
    }

    Provider at(String endpoint) {
        return providers.get(endpoint);
    }

    /** All calls so far, by the time at which they came, and within a millisecond by candidate. */
    List<Call> calls(List<Candidate> candidates) throws IOException, InterruptedException {
        List<Call> calls = new ArrayList<>();
        for (Provider provider : providers.values()) {
            calls.addAll(provider.calls());
        }
        List<String> models = candidates.stream().map(Candidate::model).toList();
        calls.sort(Comparator.comparing(Call::time).thenComparing(c -> models.indexOf(c.model())));
        return calls;
    }

    private static String nobody() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return "http://127.0.0.1:" + socket.getLocalPort();
        }
    }

    @Override
    public void close() {
        try {
            if (gateway != null) {
                gateway.close();
            }
        } finally {
            providers.values().forEach(Provider::close);
        }
    }
}
