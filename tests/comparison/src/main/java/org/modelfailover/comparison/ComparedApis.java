package org.modelfailover.comparison;

import org.modelfailover.apimanager.AiProvider;
import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.Client;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.ProviderProcess.Call;
import org.modelfailover.kit.World;

import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** Three providers and one gateway, which gets a new API for each scenario and side. */
final class ComparedApis implements AutoCloseable {
    private static final Map<String, String> KEYS =
            Map.of(
                    Candidate.DEFAULT, "sk-default",
                    Candidate.SECOND, "sk-second",
                    Candidate.THIRD, "sk-third");

    /** How long a client waits for a whole answer. */
    static final Duration PATIENCE = Duration.ofSeconds(4);

    /** After an answer, a call may not be in the provider's log yet. */
    private static final Duration SETTLING = Duration.ofMillis(1500);

    private final World world;

    ComparedApis(Path folder) {
        world = new World(folder, Candidate.DEFAULT, Candidate.SECOND, Candidate.THIRD);
    }

    /** The key that an endpoint has. */
    static String keyOf(Candidate candidate) {
        return KEYS.get(candidate.endpoint());
    }

    /** Deploys an API of a new version, which remembers nothing, and makes all providers well. */
    void deploy(Side side, String stored, boolean defaultListens) {
        world.forget();
        TestDeployment api = world.nextApi().provider(AiProvider.OPENAI.id());
        String first = defaultListens ? at(Candidate.DEFAULT).url() : Client.refusingUrl();
        api.endpoint(Candidate.DEFAULT, first)
                .asDefault()
                .headerKey("Authorization", "Bearer " + KEYS.get(Candidate.DEFAULT))
                .endpoint(Candidate.SECOND, at(Candidate.SECOND).url())
                .headerKey("x-api-key", KEYS.get(Candidate.SECOND))
                .endpoint(Candidate.THIRD, at(Candidate.THIRD).url())
                .headerKey("Authorization", "Bearer " + KEYS.get(Candidate.THIRD));
        side.attach(api, stored);
        world.deploy(api);
    }

    /** A client's request, which is the same at both APIs. */
    HttpRequest request(String body) {
        return HttpRequest.newBuilder(URI.create(world.api() + "/chat/completions"))
                .header("ApiKey", "production-token")
                .header("Content-Type", "application/json")
                .timeout(PATIENCE)
                .POST(BodyPublishers.ofString(body))
                .build();
    }

    ProviderProcess at(String endpoint) {
        return world.at(endpoint);
    }

    /** All calls so far, by the time at which they came, and within a millisecond by candidate. */
    List<Call> calls(List<Candidate> candidates) {
        List<String> models = candidates.stream().map(Candidate::model).toList();
        return world.endedCalls(SETTLING, call -> models.indexOf(call.model()));
    }

    @Override
    public void close() {
        world.close();
    }
}
