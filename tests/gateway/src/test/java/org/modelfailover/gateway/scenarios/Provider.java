package org.modelfailover.gateway.scenarios;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A simulated provider: a process that ends with this one. */
final class Provider implements AutoCloseable {
    private static final HttpClient HTTP =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private static final String READY = "listening on ";

    private final Process process;
    private final String origin;

    private Provider(Process process, String origin) {
        this.process = process;
        this.origin = origin;
    }

    static Provider start(String name, Path folder) throws IOException {
        String binary = System.getProperty("provider.binary", System.getenv("PROVIDER_BINARY"));
        if (binary == null) {
            throw new IOException("-Dprovider.binary=… has to name the simulated provider");
        }
        Process process =
                new ProcessBuilder(binary, "--name", name, "--until-stdin-closes", "--threads", "1")
                        .redirectError(folder.resolve(name + ".err").toFile())
                        .start();
        BufferedReader output =
                new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
        String line = output.readLine();
        if (line == null || !line.startsWith(READY)) {
            process.destroyForcibly();
            throw new IOException("the provider " + name + " did not start: " + line);
        }
        return new Provider(process, line.substring(READY.length()).trim());
    }

    String origin() {
        return origin;
    }

    /** Makes it do this whenever the model is asked for. */
    void fault(String model, String directives) throws IOException, InterruptedException {
        JsonObject fault = new JsonObject();
        fault.addProperty("model", model);
        fault.addProperty("directives", directives);
        control("PUT", "/_control/faults", fault.toString());
    }

    /** Everything that it was asked, or was asked of one model; oldest first. */
    List<JsonObject> calls(String model) throws IOException, InterruptedException {
        String only =
                model == null
                        ? ""
                        : "?model=" + URLEncoder.encode(model, UTF_8).replace("+", "%20");
        List<JsonObject> calls = new ArrayList<>();
        for (JsonElement call :
                JsonParser.parseString(control("GET", "/_control/calls" + only, ""))
                        .getAsJsonArray()) {
            calls.add(call.getAsJsonObject());
        }
        return calls;
    }

    private String control(String method, String path, String body)
            throws IOException, InterruptedException {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(origin + path))
                        .method(method, BodyPublishers.ofString(body))
                        .build();
        HttpResponse<String> response = HTTP.send(request, BodyHandlers.ofString());
        if (response.statusCode() / 100 != 2) {
            throw new IOException(method + " " + path + " " + body + ": " + response.body());
        }
        return response.body();
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(2, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
