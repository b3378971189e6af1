package org.modelfailover.sdk;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;

import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.modelfailover.gateway.TestDeployment;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Two providers and a gateway with an API that has a policy for each {@link Fault}. */
final class World implements ExtensionContext.Store.CloseableResource {
    private static final String ONE = "default_production_endpoint";
    private static final String TWO = "0c1f2a9e-77aa-4a64-93d5-000000000002";

    private final Program one;
    private final Program two;
    private final Program gateway;

    private World() throws IOException, InterruptedException {
        Path folder = Files.createDirectories(Path.of("build", "world"));
        one = provider(folder.resolve("one.log"));
        two = provider(folder.resolve("two.log"));
        TestDeployment api =
                TestDeployment.assistant()
                        .endpoint(ONE, one.said())
                        .asDefault()
                        .headerKey("Authorization", "Bearer sk-one")
                        .endpoint(TWO, two.said())
                        .headerKey("Authorization", "Bearer sk-two");
        for (Fault fault : Fault.values()) {
            add(api, fault.model(), fault.settings(), fault.atOne(), fault.atTwo());
        }
        for (String name : BedrockNamesTest.NAMES) {
            add(api, name, Map.of(), "status=503", "");
        }
        Path deployment = Files.createTempDirectory(folder.toAbsolutePath(), "deployment");
        api.write(deployment);
        gateway =
                Program.start(
                        "ready ",
                        folder.resolve("gateway.log"),
                        "../gateway/driver",
                        deployment.toString(),
                        "0");
    }

    private static Program provider(Path log) throws IOException {
        String binary = System.getProperty("provider.binary", "simulated-provider");
        return Program.start(
                "listening on ", log, binary, "--name", "simulated", "--until-stdin-closes");
    }

    /**
     * A policy for a model at both endpoints, and what the providers there do when asked for it.
     */
    private void add(
            TestDeployment api,
            String model,
            Map<String, String> settings,
            String atOne,
            String atTwo)
            throws IOException, InterruptedException {
        set(one, model, atOne);
        set(two, model, atTwo);
        JsonObject section = new JsonObject();
        section.add("targetModel", candidate(model, ONE));
        JsonArray fallbacks = new JsonArray();
        fallbacks.add(candidate(model, TWO));
        section.add("fallbackModels", fallbacks);
        JsonObject configuration = new JsonObject();
        configuration.add("production", section);
        configuration.add("sandbox", new JsonObject());
        configuration.addProperty("requestTimeout", "30");
        configuration.addProperty("suspendDuration", "0");
        settings.forEach(configuration::addProperty);
        api.failover(configuration.toString());
    }

    private static JsonObject candidate(String model, String endpoint) {
        JsonObject candidate = new JsonObject();
        candidate.addProperty("model", model);
        candidate.addProperty("endpointId", endpoint);
        return candidate;
    }

    private static void set(Program provider, String model, String directives)
            throws IOException, InterruptedException {
        JsonObject fault = new JsonObject();
        fault.addProperty("model", model);
        fault.addProperty("directives", directives);
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(provider.said() + "/_control/faults"))
                        .PUT(BodyPublishers.ofString(fault.toString()))
                        .build();
        int status =
                HttpClient.newHttpClient().send(request, BodyHandlers.discarding()).statusCode();
        if (status / 100 != 2) {
            throw new IOException("the provider answers " + status + " to " + fault);
        }
    }

    /** The API's address, without a slash at its end. */
    String url() {
        return gateway.said();
    }

    @Override
    public void close() {
        List.of(gateway, one, two).forEach(Program::close);
    }

    /** Gives tests the one world there is. */
    static final class Resolver implements ParameterResolver {
        @Override
        public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
            return parameter.getParameter().getType() == World.class;
        }

        @Override
        public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
            return context.getRoot()
                    .getStore(ExtensionContext.Namespace.GLOBAL)
                    .getOrComputeIfAbsent(World.class, key -> start(), World.class);
        }

        private static World start() {
            try {
                return new World();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
