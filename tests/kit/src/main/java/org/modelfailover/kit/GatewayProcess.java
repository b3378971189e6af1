package org.modelfailover.kit;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import org.modelfailover.gateway.TestDeployment;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * A gateway in a JVM of its own, with the listener for metrics on. It ends when it is closed, and
 * with this JVM.
 */
public final class GatewayProcess implements AutoCloseable {
    private static final Duration START_LIMIT = Duration.ofSeconds(90);
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final String TOKEN = "of-these-tests";
    private static final String DRIVER = "org.modelfailover.gateway.GatewayDriver";

    private final Program program;
    private final int metrics;

    private GatewayProcess(Program program, int metrics) {
        this.program = program;
        this.metrics = metrics;
    }

    /**
     * Starts one.
     *
     * @param folder for its deployment and its log
     * @param settings what stands in its {@code deployment.toml} beside the listener
     * @param prefix a command that it is started by, none as a rule
     */
    public static GatewayProcess start(
            Path folder, TestDeployment api, String settings, String... prefix) {
        int metrics = Client.freePort();
        try {
            String listener =
                    "[apim.ai.model_failover]\nmetrics_listen = \"127.0.0.1:"
                            + metrics
                            + "\"\nmetrics_token = \""
                            + TOKEN
                            + "\"\n";
            api.settings(listener + settings).write(folder);
            List<String> command = new ArrayList<>(List.of(prefix));
            command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
            command.addAll(List.of("-Xmx192m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
            System.getProperties()
                    .forEach(
                            (name, value) -> {
                                if (name.toString().startsWith("model.failover.")) {
                                    command.add("-D" + name + "=" + value);
                                }
                            });
            command.add("-Dgateway.log=" + folder.resolve("gateway.log"));
            command.addAll(List.of("-cp", System.getProperty("java.class.path"), DRIVER));
            command.addAll(List.of(folder.toString(), "0"));
            ProcessBuilder builder =
                    new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
            return new GatewayProcess(Program.start("ready ", START_LIMIT, builder), metrics);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Its API's address. */
    public String api() {
        return program.said();
    }

    /** Asks for a model; what comes is an answer, also when it is none or breaks off. */
    public Answer ask(String model) {
        String body =
                "{\"model\":\""
                        + model
                        + "\",\"messages\":[{\"role\":\"user\",\"content\":\"hi "
                        + System.nanoTime()
                        + "\"}]}";
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(api() + "/chat/completions"))
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString(body))
                        .build();
        return Client.send(request, PATIENCE).join();
    }

    /** What its page shows. */
    public JsonObject state() {
        String url = "http://127.0.0.1:" + metrics + "/state";
        String json = Client.get(url, "Authorization", "Bearer " + TOKEN).body();
        return JsonParser.parseString(json).getAsJsonObject();
    }

    /** The page for operators. */
    public String page() {
        return "http://127.0.0.1:" + metrics + "/";
    }

    /** What the page asks for. */
    public String token() {
        return TOKEN;
    }

    /** What {@code /metrics} says. */
    public String metrics() {
        String url = "http://127.0.0.1:" + metrics + "/metrics";
        return Client.get(url, "Authorization", "Bearer " + TOKEN).body();
    }

    /** The link to other gateways, as the page shows it. */
    public JsonObject cluster() {
        return state().getAsJsonObject("health").getAsJsonObject("cluster");
    }

    public boolean isLinked() {
        return cluster().get("up").getAsBoolean();
    }

    /** A candidate as the page shows it; null when the gateway does not know it yet. */
    public JsonObject candidate(String model) {
        return candidate(state(), model);
    }

    /** A candidate in what {@code /state} says; null when it is not there. */
    public static JsonObject candidate(JsonObject state, String model) {
        for (JsonElement api : state.getAsJsonArray("apis")) {
            for (JsonElement each : api.getAsJsonObject().getAsJsonArray("candidates")) {
                JsonObject candidate = each.getAsJsonObject();
                if (candidate.get("model").getAsString().equals(model)) {
                    return candidate;
                }
            }
        }
        return null;
    }

    /** {@code healthy}, {@code suspended} …; {@code unknown} when it has not been met yet. */
    public String stateOf(String model) {
        JsonObject candidate = candidate(model);
        return candidate == null ? "unknown" : candidate.get("state").getAsString();
    }

    /** Has an operator do something to a candidate: hold, release, clear. */
    public void steer(String operation, String model) {
        JsonObject api = state().getAsJsonArray("apis").get(0).getAsJsonObject();
        JsonObject body = new JsonObject();
        body.add("tenant", api.get("tenant"));
        body.add("api", api.get("name"));
        body.add("version", api.get("version"));
        body.add("endpoint", candidate(model).get("endpoint"));
        body.addProperty("model", model);
        String url = "http://127.0.0.1:" + metrics + "/candidates/" + operation;
        int status =
                Client.post(url, body.toString(), "Authorization", "Bearer " + TOKEN).statusCode();
        if (status != 204) {
            throw new AssertionError(operation + " of " + model + ": " + status);
        }
    }

    public boolean isAlive() {
        return program.isAlive();
    }

    public void pause() {
        Signal.send(program.pid(), "STOP");
    }

    public void goOn() {
        Signal.send(program.pid(), "CONT");
    }

    /** As kill -9 does. */
    public void kill() {
        Signal.send(program.pid(), "KILL");
    }

    @Override
    public void close() {
        if (program.isAlive()) {
            goOn();
        }
        program.close();
    }
}
