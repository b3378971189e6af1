package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.modelfailover.kit.Client;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.Until;

import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * A gateway with the agents that operators put beside it: Jolokia's and Prometheus' JMX exporter.
 */
@Timeout(120)
class AgentsTest {
    private static final String TARGET = "vendor/seen:1,b=2";

    @TempDir Path folder;
    private final HttpClient http = HttpClient.newHttpClient();
    private ProviderProcess first;
    private ProviderProcess second;
    private Process gateway;
    private String api;
    private int jolokia;
    private int exporter;

    private static String agent(String part) {
        return Arrays.stream(System.getProperty("gateway.agents").split(File.pathSeparator))
                .filter(jar -> jar.contains(part))
                .findFirst()
                .orElseThrow();
    }

    @BeforeEach
    void started() throws Exception {
        first = ProviderProcess.start("first");
        second = ProviderProcess.start("second");
        TestDeployment.assistant()
                .endpoint("one", first.url())
                .endpoint("two", second.url())
                .failover(
                        FailoverConfigs.target(TARGET, "one")
                                .fallback("seen-fallback", "two")
                                .suspendDuration("60")
                                .attributes())
                .write(folder);
        jolokia = Client.freePort();
        exporter = Client.freePort();
        Path rules = Path.of("../../packaging/monitoring/jmx_exporter.yml").toAbsolutePath();
        ProcessBuilder driver =
                new ProcessBuilder("./driver", folder.toString(), "0")
                        .redirectError(folder.resolve("stderr").toFile());
        driver.environment()
                .put(
                        "JAVA_OPTS",
                        String.format(
                                "-javaagent:%s=host=127.0.0.1,port=%d"
                                        + " -javaagent:%s=127.0.0.1:%d:%s",
                                agent("jolokia"), jolokia, agent("jmx_prom"), exporter, rules));
        gateway = driver.start();
        BufferedReader output =
                new BufferedReader(
                        new InputStreamReader(gateway.getInputStream(), StandardCharsets.UTF_8));
        String line = output.readLine();
        while (line != null && !line.startsWith("ready ")) {
            line = output.readLine();
        }
        api = line.substring("ready ".length());
        first.set(TARGET, "status=503");
        assertEquals(200, post(api + "/chat/completions", chat()).statusCode());
    }

    @AfterEach
    void stopped() {
        gateway.destroyForcibly();
        first.close();
        second.close();
    }

    private static String chat() {
        return "{\"model\":\""
                + TARGET
                + "\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    }

    private java.net.http.HttpResponse<String> post(String url, String body) throws Exception {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(url))
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString(body))
                        .build();
        return http.send(request, BodyHandlers.ofString());
    }

    private String get(String url) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url)).build();
        return http.send(request, BodyHandlers.ofString()).body();
    }

    private JsonObject jolokia(String type, String what) throws Exception {
        JsonObject request = new JsonObject();
        request.addProperty("type", type);
        request.addProperty(
                "mbean",
                "org.apache.synapse:Type=ModelFailoverCandidate,Tenant=\"carbon.super\","
                        + "API=\"AssistantAPI\",Version=\"1.0.0\",Endpoint=\"one\",Model=\""
                        + TARGET
                        + "\"");
        request.addProperty(type.equals("exec") ? "operation" : "attribute", what);
        String answer =
                post("http://127.0.0.1:" + jolokia + "/jolokia/", request.toString()).body();
        JsonObject read = JsonParser.parseString(answer).getAsJsonObject();
        assertEquals(200, read.get("status").getAsInt(), answer);
        return read;
    }

    @Test
    void jolokiaReadsACandidateAndHoldsIt() throws Exception {
        assertEquals("SUSPENDED", jolokia("read", "State").get("value").getAsString());
        assertEquals("503: limited", jolokia("read", "Why").get("value").getAsString());

        jolokia("exec", "clear");
        assertEquals("HEALTHY", jolokia("read", "State").get("value").getAsString());
        jolokia("exec", "hold");
        assertEquals("HELD", jolokia("read", "State").get("value").getAsString());
    }

    @Test
    void theExporterGivesTheNamesOfTheListener() {
        String labels = "api=\"AssistantAPI\",endpoint=\"one\",model=\"" + TARGET + "\",";
        Until.is(
                "the metrics are there",
                () -> metrics(),
                text ->
                        text.contains(
                                        "model_failover_attempts_total{"
                                                + labels
                                                + "outcome=\"limited\",tenant=\"carbon.super\",version=\"1.0.0\"}")
                                && text.contains(
                                        "model_failover_candidate_out{"
                                                + labels
                                                + "tenant=\"carbon.super\",version=\"1.0.0\"} 1.0")
                                && text.contains(
                                        "model_failover_gateway_requests_total{result=\"fell_over\"}"
                                            + " 1.0"));
        assertTrue(gateway.isAlive());
    }

    private String metrics() {
        try {
            return get("http://127.0.0.1:" + exporter + "/metrics");
        } catch (Exception e) {
            return e.toString();
        }
    }
}
