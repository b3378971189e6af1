package org.modelfailover.gateway.demo;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A simulated provider: a process of its own, which also ends when this one does. */
public final class Provider implements AutoCloseable {
    private static final String READY = "listening on ";

    private final String name;
    private final Process process;
    private final String origin;

    private Provider(String name, Process process, String origin) {
        this.name = name;
        this.process = process;
        this.origin = origin;
    }

    public static Provider start(String name, Path folder) throws IOException {
        String binary = System.getProperty("provider.binary", "");
        if (!new File(binary).canExecute()) {
            throw new IOException(
                    "-Dprovider.binary=… has to name the simulated provider, not '" + binary + "'");
        }
        Process process =
                new ProcessBuilder(
                                binary,
                                "--name",
                                name,
                                "--log",
                                folder.resolve(name + ".jsonl").toString(),
                                "--until-stdin-closes")
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        String line =
                new BufferedReader(
                                new InputStreamReader(
                                        process.getInputStream(), StandardCharsets.UTF_8))
                        .readLine();
        if (line == null || !line.startsWith(READY)) {
            process.destroyForcibly();
            throw new IOException("the provider " + name + " did not start: " + line);
        }
        return new Provider(name, process, line.substring(READY.length()).trim());
    }

    public String name() {
        return name;
    }

    public String origin() {
        return origin;
    }

    /** Makes it misbehave whenever this model is asked for; see tests/provider/README.md. */
    public void fault(String model, String directives) throws IOException, InterruptedException {
        JsonObject fault = new JsonObject();
        fault.addProperty("model", model);
        fault.addProperty("directives", directives);
        Client.control("PUT", origin + "/_control/faults", fault.toString());
    }

    /** Healthy, and without memory of calls. */
    public void reset() throws IOException, InterruptedException {
        Client.control("DELETE", origin + "/_control/faults", "");
        forgetCalls();
    }

    void forgetCalls() throws IOException, InterruptedException {
        Client.control("DELETE", origin + "/_control/calls", "");
    }

    /** What it was asked since the last reset. */
    public List<Call> calls() throws IOException, InterruptedException {
        List<Call> calls = new ArrayList<>();
        String log = Client.control("GET", origin + "/_control/calls", "");
        for (JsonElement line : JsonParser.parseString(log).getAsJsonArray()) {
            calls.add(new Call(this, line.getAsJsonObject()));
        }
        return calls;
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
