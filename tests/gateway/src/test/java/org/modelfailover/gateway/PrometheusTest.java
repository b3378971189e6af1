package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonParser;

import org.junit.jupiter.api.Test;
import org.modelfailover.executor.Executor;
import org.modelfailover.kit.Client;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.Until;

import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** A real Prometheus, with the rules that are shipped; skipped without one. */
class PrometheusTest extends GatewayTest {
    /** What a label must escape. */
    private static final String TARGET = "scraped \"target\" \\ 1";

    private static final String TOKEN = "scraper";

    private final HttpClient http = HttpClient.newHttpClient();
    private int port;

    private String get(String url, String... headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return http.send(request.build(), BodyHandlers.ofString()).body();
    }

    private JsonArray query(String expression) {
        try {
            String asked = URLEncoder.encode(expression, StandardCharsets.UTF_8);
            String answer = get("http://127.0.0.1:" + port + "/api/v1/query?query=" + asked);
            return JsonParser.parseString(answer)
                    .getAsJsonObject()
                    .getAsJsonObject("data")
                    .getAsJsonArray("result");
        } catch (Exception e) {
            return new JsonArray();
        }
    }

    /** How many series an expression has, once it has any. */
    private int within(int seconds, String expression) {
        return Until.orLast(
                Duration.ofSeconds(seconds),
                Duration.ofMillis(200),
                () -> query(expression).size(),
                size -> size > 0);
    }

    @Test
    void prometheusScrapesTheGatewayAndHasTheAlertsRules() throws Exception {
        String tools = System.getProperty("gateway.prometheus", "");
        assumeTrue(!tools.isEmpty(), "-Dgateway.prometheus names the folder of Prometheus");
        ProviderProcess first = provider("first");
        deploy(
                api(first, provider("second"))
                        .settings(
                                "[apim.ai.model_failover]\nmetrics_listen = \"127.0.0.1:0\"\n"
                                        + "metrics_token = \""
                                        + TOKEN
                                        + "\"\n"),
                FailoverConfigs.target(TARGET, "one")
                        .fallback("scraped-fallback", "two")
                        .suspendDuration("60"));
        first.set(TARGET, "status=503");
        String json = chat(TARGET.replace("\\", "\\\\").replace("\"", "\\\""));
        assertServedBy("second", ask(json));

        Path metrics = folder.resolve("metrics.txt");
        String listener = Executor.metricsAddress();
        Files.writeString(
                metrics,
                get("http://" + listener + "/metrics", "Authorization", "Bearer " + TOKEN));
        Process lint =
                new ProcessBuilder(tools + "/promtool", "check", "metrics")
                        .redirectInput(metrics.toFile())
                        .redirectOutput(folder.resolve("lint").toFile())
                        .redirectErrorStream(true)
                        .start();
        assertEquals(0, lint.waitFor(), Files.readString(folder.resolve("lint")));

        port = Client.freePort();
        Path rules = Path.of("../../packaging/monitoring/alerts.yml").toRealPath();
        Path configuration = folder.resolve("prometheus.yml");
        Files.writeString(
                configuration,
                String.join(
                        "\n",
                        "global: {scrape_interval: 1s, evaluation_interval: 1s}",
                        "rule_files: ['" + rules + "']",
                        "scrape_configs:",
                        "  - job_name: model-failover",
                        "    authorization: {credentials: " + TOKEN + "}",
                        "    static_configs: [{targets: ['" + listener + "']}]",
                        ""));
        Process prometheus =
                new ProcessBuilder(
                                tools + "/prometheus",
                                "--config.file=" + configuration,
                                "--storage.tsdb.path=" + folder.resolve("tsdb"),
                                "--web.listen-address=127.0.0.1:" + port)
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve("prometheus.log").toFile())
                        .start();
        try {
            String model = TARGET.replace("\\", "\\\\").replace("\"", "\\\"");
            String suspended =
                    "model_failover_candidate_state{state=\"suspended\",model=\""
                            + model
                            + "\"} == 1";
            assertEquals(1, within(60, suspended), "Prometheus has not scraped the candidate");
            assertEquals(1, query("up{job=\"model-failover\"} == 1").size());
            String asked = get("http://127.0.0.1:" + port + "/api/v1/rules");
            long shipped =
                    Files.readString(rules).lines().filter(l -> l.contains("- alert: ")).count();
            assertEquals(shipped, asked.split("\"type\":\"alerting\"", -1).length - 1, asked);
            String pending = "ALERTS{alertname=\"ModelFailoverTargetOut\",model=\"" + model + "\"}";
            assertEquals(1, within(30, pending), "the alert is not pending");
        } finally {
            prometheus.destroy();
            prometheus.waitFor();
        }
    }
}
