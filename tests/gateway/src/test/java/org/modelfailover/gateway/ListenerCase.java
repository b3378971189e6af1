package org.modelfailover.gateway;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import org.junit.jupiter.api.BeforeEach;
import org.modelfailover.executor.Executor;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayProcess;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.ProviderProcess;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;

/** An API with two candidates, and whoever looks at it through the metrics listener. */
abstract class ListenerCase extends GatewayTest {
    static final String TARGET = "shown-target";
    static final String FALLBACK = "shown-fallback";
    static final String TOKEN = "token-of-the-night-shift";

    static final String ANY_PORT = "metrics_listen = \"127.0.0.1:0\"";
    static final String WITH_TOKEN = "metrics_token = \"" + TOKEN + "\"";

    private final HttpClient http = HttpClient.newHttpClient();
    ProviderProcess first;
    ProviderProcess second;

    @BeforeEach
    final void providers() {
        first = provider("first");
        second = provider("second");
    }

    final void deployed(String... settings) {
        deploy(
                api(first, second)
                        .settings("[apim.ai.model_failover]\n" + String.join("\n", settings)),
                FailoverConfigs.target(TARGET, "one")
                        .fallback(FALLBACK, "two")
                        .suspendDuration("60"));
    }

    static HttpRequest.Builder to(String path) {
        URI uri = URI.create("http://" + Executor.metricsAddress() + path);
        return HttpRequest.newBuilder(uri).header("Authorization", "Bearer " + TOKEN);
    }

    final HttpResponse<String> answer(HttpRequest.Builder request) throws Exception {
        return http.send(request.build(), BodyHandlers.ofString());
    }

    /** The API of this test. */
    final String apiName() {
        String name = gateway.synapseConfiguration().getAPIs().iterator().next().getAPIName();
        return name.substring(name.indexOf("--") + 2, name.indexOf(':'));
    }

    final JsonObject target() throws Exception {
        JsonObject state = JsonParser.parseString(answer(to("/state")).body()).getAsJsonObject();
        JsonObject target = GatewayProcess.candidate(state, TARGET);
        if (target == null) {
            throw new AssertionError("not shown: " + state);
        }
        return target;
    }

    final HttpRequest.Builder steering(String word) {
        JsonObject candidate = new JsonObject();
        candidate.addProperty("tenant", "carbon.super");
        candidate.addProperty("api", apiName());
        candidate.addProperty("version", "1.0.0");
        candidate.addProperty("endpoint", "one");
        candidate.addProperty("model", TARGET);
        return to("/candidates/" + word).POST(BodyPublishers.ofString(candidate.toString()));
    }
}
