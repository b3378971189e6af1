package org.modelfailover.gateway.demo;

import org.modelfailover.gateway.DeploymentFolder;
import org.modelfailover.gateway.DeploymentFolder.Stage;
import org.modelfailover.gateway.EmbeddedGateway;
import org.modelfailover.gateway.GatewayLog;
import org.modelfailover.gateway.TestDeployment;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Two providers and a gateway in between them and the client. */
final class World implements AutoCloseable {
    static final String EU_ENDPOINT = "default_production_endpoint";
    static final String US_ENDPOINT = "7b9d4f02-5c1e-4e0a-9a37-c2f1d6e8b350";
    static final String SANDBOX_ENDPOINT = "default_sandbox_endpoint";

    private static final int SETTLING = 50;

    Provider eu;
    Provider us;
    Endpoint inEurope;
    Endpoint inAmerica;
    Endpoint inSandbox;
    PolicyLog log;

    private Path folder;
    private Path logFile;
    private EmbeddedGateway gateway;
    private int version;
    private boolean closed;

    synchronized void start() throws IOException, InterruptedException {
        if (closed) {
            return;
        }
        folder = Files.createTempDirectory("failover-demo-");
        logFile = buildFolder().resolve("gateway.log");
        Files.deleteIfExists(logFile);
        GatewayLog.to(logFile);
        log = PolicyLog.open();
        eu = Provider.start("eu", folder);
        us = Provider.start("us", folder);
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
        Client.ask(api(), Question.of("warm-up", "Hello"));
        Client.ask(api(), Question.of("another", "Hello"));
    }

    /** {@code build/demo} of the project: the log outlives the story. */
    private static Path buildFolder() throws IOException {
        Path project = TestDeployment.modelFailoverTemplate().toAbsolutePath();
        return Files.createDirectories(
                project.getParent().getParent().getParent().resolve("build").resolve("demo"));
    }

    String origin() {
        return gateway.origin();
    }

    /** The API's address. */
    String api() {
        return gateway.baseUrl();
    }

    Path logFile() {
        return logFile;
    }

    /** The deployed API's. */
    String version() {
        return version + ".0.0";
    }

    /**
     * Deploys the API with these Failover policies, each rendered from our template. Every time it
     * is a new version, which has no memory of failures.
     */
    synchronized void deploy(Lineup... policies) {
        if (closed) {
            throw new IllegalStateException("The demo was ended");
        }
        version++;
        TestDeployment api =
                TestDeployment.api("AssistantAPI", version(), "/assistant/" + version())
                        .provider("OpenAI");
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
        DeploymentFolder written = api.write(folder.resolve("deployment-" + version));
        if (gateway == null) {
            gateway = EmbeddedGateway.start(written);
        } else {
            gateway.redeploy(written);
        }
    }

    /** Healthy providers, and nothing remembered of earlier calls. */
    void reset() throws IOException, InterruptedException {
        eu.reset();
        us.reset();
        log.clear();
    }

    /** Asks, and then asks the providers what they saw of it. */
    Exchange ask(Question question, Lineup policy) throws IOException, InterruptedException {
        forgetCalls();
        Answer answer = Client.ask(api(), question);
        return new Exchange(question, answer, calls(policy), policy);
    }

    void forgetCalls() throws IOException, InterruptedException {
        eu.forgetCalls();
        us.forgetCalls();
        log.clear();
    }

    /**
     * The calls at both providers, when all have ended or a while has passed; in the order in which
     * they came, and those of one millisecond in the policy's order.
     */
    List<Call> calls(Lineup policy) throws IOException, InterruptedException {
        List<Call> calls = new ArrayList<>();
        for (int i = 0; i < SETTLING; i++) {
            calls.clear();
            calls.addAll(eu.calls());
            calls.addAll(us.calls());
            if (calls.stream().noneMatch(call -> call.end().isEmpty())) {
                break;
            }
            Thread.sleep(10);
        }
        calls.sort(Comparator.comparing(Call::time).thenComparing(policy::place));
        return calls;
    }

    /** An address at which nothing listens. */
    static String nobody() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            return "http://127.0.0.1:" + socket.getLocalPort();
        }
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            if (gateway != null) {
                gateway.close();
            }
        } finally {
            for (Provider provider : new Provider[] {eu, us}) {
                if (provider != null) {
                    provider.close();
                }
            }
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
