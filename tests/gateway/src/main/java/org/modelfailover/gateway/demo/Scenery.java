package org.modelfailover.gateway.demo;

import org.modelfailover.gateway.DeploymentFolder.Stage;
import org.modelfailover.gateway.GatewayLog;
import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.Answer;
import org.modelfailover.kit.Client;
import org.modelfailover.kit.LogCapture;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.ProviderProcess.Call;
import org.modelfailover.kit.World;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

/** Two providers and a gateway in between them and the client. */
final class Scenery implements AutoCloseable {
    static final String EU_ENDPOINT = "default_production_endpoint";
    static final String US_ENDPOINT = "7b9d4f02-5c1e-4e0a-9a37-c2f1d6e8b350";
    static final String SANDBOX_ENDPOINT = "default_sandbox_endpoint";

    private static final Duration LIMIT = Duration.ofSeconds(15);
    private static final Duration SETTLING = Duration.ofMillis(500);

    ProviderProcess eu;
    ProviderProcess us;
    Endpoint inEurope;
    Endpoint inAmerica;
    Endpoint inSandbox;
    LogCapture log;

    private Path folder;
    private Path logFile;
    private World world;
    private boolean closed;
    private String settings;

    synchronized void start() throws IOException, InterruptedException {
        if (closed) {
            return;
        }
        folder = Files.createTempDirectory("failover-demo-");
        logFile = buildFolder().resolve("gateway.log");
        Files.deleteIfExists(logFile);
        GatewayLog.to(logFile);
        log = LogCapture.ofPolicy();
        world = new World(folder, "eu", "us");
        eu = world.at("eu");
        us = world.at("us");
        inEurope =
                Endpoint.at(
                        eu,
                        EU_ENDPOINT,
                        "O'Brien's endpoint",
                        "/v1",
                        Stage.PRODUCTION,
                        Credential.EU);
        inAmerica =
                Endpoint.at(us, US_ENDPOINT, "US backup", "/v1", Stage.PRODUCTION, Credential.US);
        inSandbox =
                Endpoint.at(
                        eu,
                        SANDBOX_ENDPOINT,
                        "EU sandbox",
                        "/sandbox/v1",
                        Stage.SANDBOX,
                        Credential.SANDBOX);
        deploy(Lineup.of(new Lineup.Candidate("warm-up", inEurope)));
        // So that no step is a cold start: once through the policy, once past it.
        reply(Question.of("warm-up", "Hello"));
        reply(Question.of("another", "Hello"));
    }

    /** {@code build/demo} of the project: the log outlives the story. */
    private static Path buildFolder() throws IOException {
        Path project = TestDeployment.modelFailoverTemplate().toAbsolutePath();
        return Files.createDirectories(
                project.getParent().getParent().getParent().resolve("build").resolve("demo"));
    }

    String origin() {
        return world.origin();
    }

    /** The API's address. */
    String api() {
        return world.api();
    }

    Path logFile() {
        return logFile;
    }

    /** The deployed API's. */
    String version() {
        return world.version();
    }

    /**
     * Deploys the API with these Failover policies, each rendered from our template. Every time it
     * is a new version, which has no memory of failures.
     */
    synchronized void deploy(Lineup... policies) {
        if (closed) {
            throw new IllegalStateException("The demo was ended");
        }
        TestDeployment api = world.nextApi().provider("OpenAI");
        Map<String, Endpoint> endpoints = new LinkedHashMap<>();
        for (Endpoint endpoint : List.of(inEurope, inAmerica, inSandbox)) {
            endpoints.put(endpoint.id(), endpoint);
        }
        for (Lineup policy : policies) {
            Stream.of(policy.production(), policy.sandbox())
                    .flatMap(List::stream)
                    .map(Lineup.Candidate::endpoint)
                    .forEach(endpoint -> endpoints.put(endpoint.id(), endpoint));
        }
        endpoints.values().forEach(endpoint -> endpoint.put(api));
        for (Lineup policy : policies) {
            api.failover(Map.of("failoverConfigs", policy.stored()));
        }
        if (settings != null) {
            api.settings(settings);
        }
        world.deploy(api);
    }

    /** The gateway's settings from the next deployment on, as in {@code deployment.toml}. */
    void set(String toml) {
        settings = toml;
    }

    /** Healthy providers, and nothing remembered of earlier calls. */
    void reset() {
        world.forget();
        log.clear();
    }

    /** Asks, and then asks the providers what they saw of it. */
    Exchange ask(Question question, Lineup policy) throws IOException {
        world.forgetCalls();
        log.clear();
        Reply answer = reply(question);
        return new Exchange(question, answer, calls(policy), policy);
    }

    private Reply reply(Question question) throws IOException {
        Answer answer = Client.send(request(question), LIMIT).join();
        if (answer.isBroken()) {
            throw new IOException(answer.broken());
        }
        return new Reply(answer);
    }

    /** Asks many times at once. */
    List<Reply> askTogether(Question question, int times) {
        List<CompletableFuture<Answer>> asked = new ArrayList<>();
        for (int i = 0; i < times; i++) {
            asked.add(Client.send(request(question), LIMIT));
        }
        return asked.stream().map(CompletableFuture::join).map(Reply::new).toList();
    }

    private HttpRequest request(Question question) {
        return HttpRequest.newBuilder(URI.create(api() + "/chat/completions"))
                .header("ApiKey", question.token())
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(question.body()))
                .build();
    }

    /**
     * The calls at both providers, when all have ended or a while has passed; in the order in which
     * they came, and those of one millisecond in the policy's order.
     */
    List<Call> calls(Lineup policy) {
        return world.endedCalls(SETTLING, policy::place);
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            if (world != null) {
                world.close();
            }
        } finally {
            remove(folder);
        }
    }

    private static void remove(Path folder) {
        if (folder == null) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
        } catch (IOException e) {
            System.err.println("demo: " + folder + " could not be removed: " + e);
        }
    }
}
