package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.modelfailover.executor.Executor;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.LogCapture;
import org.modelfailover.kit.ProviderProcess;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;

/** The listener for metrics, of the gateway that it belongs to. */
class MetricsListenerTest extends GatewayTest {
    private static final String TARGET = "shown-target";
    private static final String TOKEN = "token-of-the-night-shift";

    private final HttpClient http = HttpClient.newHttpClient();
    private ProviderProcess first;
    private ProviderProcess second;

    @BeforeEach
    void providers() {
        first = provider("first");
        second = provider("second");
    }

    private void deployed(String... settings) {
        deploy(
                api(first, second)
                        .settings("[apim.ai.model_failover]\n" + String.join("\n", settings)),
                FailoverConfigs.target(TARGET, "one")
                        .fallback("shown-fallback", "two")
                        .suspendDuration("60"));
    }

    private static final String ANY_PORT = "metrics_listen = \"127.0.0.1:0\"";
    private static final String WITH_TOKEN = "metrics_token = \"" + TOKEN + "\"";

    private static HttpRequest.Builder to(String path) {
        URI uri = URI.create("http://" + Executor.metricsAddress() + path);
        return HttpRequest.newBuilder(uri).header("Authorization", "Bearer " + TOKEN);
    }

    private HttpResponse<String> answer(HttpRequest.Builder request) throws Exception {
        return http.send(request.build(), BodyHandlers.ofString());
    }

    private String metrics() throws Exception {
        return answer(to("/metrics")).body();
    }

    /** The API of this test: others have left what they know behind. */
    private String apiName() {
        String name = gateway.synapseConfiguration().getAPIs().iterator().next().getAPIName();
        return name.substring(name.indexOf("--") + 2, name.indexOf(':'));
    }

    private JsonObject target() throws Exception {
        JsonObject state = JsonParser.parseString(answer(to("/state")).body()).getAsJsonObject();
        JsonArray apis = state.getAsJsonArray("apis");
        for (JsonElement api : apis) {
            if (api.getAsJsonObject().get("name").getAsString().equals(apiName())) {
                for (JsonElement candidate : api.getAsJsonObject().getAsJsonArray("candidates")) {
                    JsonObject it = candidate.getAsJsonObject();
                    if (it.get("model").getAsString().equals(TARGET)) {
                        return it;
                    }
                }
            }
        }
        throw new AssertionError("not shown: " + state);
    }

    private HttpRequest.Builder steering(String word) {
        JsonObject candidate = new JsonObject();
        candidate.addProperty("tenant", "carbon.super");
        candidate.addProperty("api", apiName());
        candidate.addProperty("version", "1.0.0");
        candidate.addProperty("endpoint", "one");
        candidate.addProperty("model", TARGET);
        return to("/candidates/" + word).POST(BodyPublishers.ofString(candidate.toString()));
    }

    @Test
    void itShowsWhatTheGatewayDoes() throws Exception {
        deployed(ANY_PORT);
        first.set(TARGET, "status=429~retry-after=90");
        assertServedBy("second", ask(chat(TARGET)));

        String labels =
                "{tenant=\"carbon.super\",api=\""
                        + apiName()
                        + "\",version=\"1.0.0\",endpoint=\"one\",model=\""
                        + TARGET
                        + "\",";
        String metrics = metrics();
        for (String line :
                new String[] {
                    "model_failover_attempts_total" + labels + "outcome=\"limited\"} 1",
                    "model_failover_suspensions_total" + labels + "reason=\"limited\"} 1",
                    "model_failover_candidate_state" + labels + "state=\"suspended\"} 1",
                }) {
            assertTrue(metrics.contains(line + "\n"), line + " is not in\n" + metrics);
        }
        assertEquals("suspended", target().get("state").getAsString());
        assertTrue(target().get("why").getAsString().startsWith("429: limited"));
    }

    @Test
    void aTraceIsAnExemplar() throws Exception {
        deployed(ANY_PORT);
        String trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        ask(chat(TARGET), "traceparent", "00-" + trace + "-00f067aa0ba902b7-01");

        HttpRequest.Builder open = to("/metrics").header("Accept", "application/openmetrics-text");
        String text = answer(open).body();

        assertTrue(text.contains("# {trace_id=\"" + trace + "\"}"), text);
        assertTrue(text.endsWith("# EOF\n"));
    }

    @Test
    void whoBearsTheTokenSteersAndTheLogSaysSo() throws Exception {
        deployed(ANY_PORT, WITH_TOKEN);
        assertServedBy("first", ask(chat(TARGET)));
        try (LogCapture log = new LogCapture()) {
            assertEquals(204, answer(steering("hold")).statusCode());

            String line = log.await("INFO", TARGET + " at one was held by").orElseThrow();
            assertTrue(line.contains("the metrics listener, 127.0.0.1:"), line);
        }
        assertEquals("held", target().get("state").getAsString());
        assertServedBy("second", ask(chat(TARGET)));

        assertEquals(204, answer(steering("release")).statusCode());
        assertServedBy("first", ask(chat(TARGET)));
    }

    @Test
    void itEndsWithTheSettingThatStartedIt() throws Exception {
        deployed(ANY_PORT);
        String address = Executor.metricsAddress();
        assertTrue(address.startsWith("127.0.0.1:"), address);

        gateway.redeploy(
                api(first, second)
                        .failover(FailoverConfigs.target(TARGET, "one").attributes())
                        .settings("[apim.ai.model_failover]\n")
                        .write(folder.resolve("without")));

        assertEquals("", Executor.metricsAddress());
    }

    @Test
    void anAddressThatCannotBeHadIsAnErrorAndTheGatewayGoesOn() throws IOException {
        try (ServerSocket taken =
                        new ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress());
                LogCapture log = new LogCapture()) {
            deployed("metrics_listen = \"127.0.0.1:" + taken.getLocalPort() + "\"");

            assertEquals(1, log.lines("ERROR", "metrics_listen").size(), log.notable());
            assertServedBy("first", ask(chat(TARGET)));
        }
        try (LogCapture log = new LogCapture()) {
            gateway.close();
            deployed("metrics_listen = \"everywhere\"", WITH_TOKEN);

            assertEquals(1, log.lines("ERROR", "metrics_listen").size(), log.notable());
            assertTrue(!log.text().contains(TOKEN), "the token is in the log");
            assertServedBy("first", ask(chat(TARGET)));
        }
    }
}
