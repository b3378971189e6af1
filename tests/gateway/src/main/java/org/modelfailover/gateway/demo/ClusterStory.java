package org.modelfailover.gateway.demo;

import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.Answer;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayProcess;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.Redis;
import org.modelfailover.kit.Until;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.stream.Stream;

/**
 * Two gateways that share what they know through a Redis: four stories, told and checked as {@link
 * Story} does. With {@code KEEP=1} in the environment everything stays up afterwards, until Enter.
 */
public final class ClusterStory {
    private static final int SUSPENDED = 3;
    private static final List<String> TARGETS = List.of("gpt-4o", "claude", "gemini", "mistral");

    private final Path folder;
    private final Deque<AutoCloseable> open = new ArrayDeque<>();
    private final ProviderProcess provider;
    private final Redis redis;
    private final GatewayProcess a;
    private final GatewayProcess b;

    private ClusterStory() throws IOException {
        folder = Files.createTempDirectory("failover-cluster-");
        provider = closing(ProviderProcess.start("provider"));
        redis = closing(Redis.start(folder.resolve("redis")));
        a = closing(start("a"));
        b = closing(start("b"));
        for (GatewayProcess gateway : List.of(a, b)) {
            Until.holds("a gateway is linked", gateway::isLinked);
            for (String target : TARGETS) {
                gateway.ask(target);
            }
        }
    }

    private <T extends AutoCloseable> T closing(T resource) {
        open.push(resource);
        return resource;
    }

    private GatewayProcess start(String name) {
        TestDeployment api =
                TestDeployment.api("Assistant", "1.0.0", "/assistant/1.0.0")
                        .provider("OpenAI")
                        .endpoint("eu", provider.url())
                        .headerKey("Authorization", "Bearer sk-eu");
        for (String target : TARGETS) {
            api.failover(
                    FailoverConfigs.target(target, "eu")
                            .fallback("gpt-4o-mini", "eu")
                            .suspendDuration(String.valueOf(SUSPENDED))
                            .attributes());
        }
        String settings =
                "[apim.ai.model_failover.cluster]\nurl = \""
                        + redis.url()
                        + "\"\nnode = \""
                        + name
                        + "\"\n";
        return GatewayProcess.start(folder.resolve(name), api, settings);
    }

    /** See the class. */
    public static void main(String[] args) {
        int status = 1;
        Paper paper = new Paper();
        ClusterStory story = null;
        try {
            if (Redis.programs().isEmpty()) {
                throw new IllegalStateException("there is no Redis: tools/redis.sh build/redis");
            }
            story = new ClusterStory();
            status = story.tell(paper) ? 0 : 1;
            if (!System.getenv().getOrDefault("KEEP", "").isBlank()) {
                story.keep(paper);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException | RuntimeException | AssertionError e) {
            System.err.println("demo: " + (e.getMessage() == null ? e : e.getMessage()));
        }
        if (story != null) {
            story.close();
        }
        Runtime.getRuntime().exit(status);
    }

    private boolean tell(Paper paper) throws InterruptedException {
        Teller teller = new Teller(paper);
        paper.title("Model Failover: several gateways, one memory");
        paper.row("gateways", "a  " + a.api());
        paper.row("", "b  " + b.api());
        paper.row("Redis", redis.url());
        String only = System.getenv().getOrDefault("ONLY", "").trim();
        for (Step step : List.of(known(), probed(), withoutStore(), held())) {
            if (step.title().contains(only)) {
                teller.tell(step);
            }
        }
        paper.gap();
        teller.failures().forEach(paper::bad);
        if (teller.failures().isEmpty()) {
            paper.good("Every step held.");
        }
        return teller.failures().isEmpty();
    }

    private int calls(String model) {
        return provider.callsOf(model).size();
    }

    private static String servedBy(Answer answer) {
        return answer.status() + " from " + answer.header("x-failover-model");
    }

    private Step known() {
        return new Step(
                "What one gateway finds out, the other knows",
                "Gateway a asks a target that is out of its limit. From then on no request of b"
                        + " goes there either: it was told, within a millisecond or two.",
                teller -> {
                    String target = TARGETS.get(0);
                    provider.set(target, "status=429~retry-after=60");
                    provider.forgetCalls();
                    teller.note("a", servedBy(a.ask(target)));
                    Until.is("b knows", () -> b.stateOf(target), "suspended"::equals);
                    teller.note("b shows", b.candidate(target).get("why").getAsString());
                    for (int request = 0; request < 5; request++) {
                        teller.note("b", servedBy(b.ask(target)));
                    }
                    teller.equal("the target was called once in all", 1, calls(target));
                });
    }

    private Step probed() {
        return new Step(
                "One request of both finds out whether a target is back",
                "When the time is over, the first request that finds it so asks for the permit in"
                        + " the background, and goes on to the fallback. One of both gateways gets"
                        + " it, and what its probe finds out holds for both.",
                teller -> {
                    String target = TARGETS.get(1);
                    provider.set(target, "status=429");
                    a.ask(target);
                    Until.is("b knows", () -> b.stateOf(target), "suspended"::equals);
                    provider.set(target, "delay=500ms");
                    provider.forgetCalls();
                    teller.pause(Duration.ofSeconds(SUSPENDED), "for the suspension to end");
                    Until.holds(
                            "somebody probes",
                            () -> {
                                Thread one = new Thread(() -> a.ask(target), "asking");
                                Thread two = new Thread(() -> b.ask(target), "asking");
                                one.start();
                                two.start();
                                Thread.sleep(60);
                                return calls(target) > 0;
                            });
                    teller.equal("one request of both probes", 1, calls(target));
                    Until.is("a has it back", () -> a.stateOf(target), "healthy"::equals);
                    Until.is("b has it back", () -> b.stateOf(target), "healthy"::equals);
                    teller.note("a", servedBy(a.ask(target)));
                    teller.note("b", servedBy(b.ask(target)));
                });
    }

    private Step withoutStore() {
        return new Step(
                "Redis dies, and no client notices",
                "No request ever waits for it. Each gateway goes on by what it knows, and probes"
                    + " for itself; when Redis is back, with nothing in it, they tell it again.",
                teller -> {
                    String target = TARGETS.get(2);
                    provider.set(target, "status=429~retry-after=60");
                    a.ask(target);
                    Until.is("b knows", () -> b.stateOf(target), "suspended"::equals);
                    redis.kill();
                    Until.holds("a is alone", () -> !a.isLinked());
                    Until.holds("b is alone", () -> !b.isLinked());
                    teller.note("b", b.cluster().get("error").getAsString());
                    Answer answer = b.ask(target);
                    teller.note("b", servedBy(answer) + " in " + answer.millis() + " ms");
                    teller.equal("clients are served", 200, answer.status());
                    redis.begin();
                    Until.holds("both are linked", () -> a.isLinked() && b.isLinked());
                    teller.equal("what was known is known", "suspended", b.stateOf(target));
                    Until.holds(
                            "Redis was told again", () -> redis.cli("KEYS", "*:s").contains(":s"));
                });
    }

    private Step held() {
        return new Step(
                "What an operator does at one gateway is done at both",
                "Hold, release and clear go the same way.",
                teller -> {
                    String target = TARGETS.get(3);
                    a.steer("hold", target);
                    Until.is("b holds it", () -> b.stateOf(target), "held"::equals);
                    teller.note("b", servedBy(b.ask(target)));
                    b.steer("release", target);
                    Until.is("a has released it", () -> a.stateOf(target), "healthy"::equals);
                    Answer answer = a.ask(target);
                    teller.note("a", servedBy(answer));
                    teller.equal("the target serves again", 200, answer.status());
                });
    }

    private void keep(Paper paper) throws IOException {
        paper.title("Try it by hand");
        paper.row("page", a.page() + " and " + b.page() + " (token: " + a.token() + ")");
        paper.row("Redis", "redis-cli -p " + redis.port() + " MONITOR");
        paper.row(
                "faults",
                "curl -X PUT "
                        + provider.origin()
                        + "/_control/faults -d"
                        + " '{\"model\":\"gpt-4o\",\"directives\":\"status=429\"}'");
        paper.text("Enter ends it.");
        System.in.read();
    }

    private void close() {
        while (!open.isEmpty()) {
            try {
                open.pop().close();
            } catch (Exception e) {
                System.err.println("demo: " + e);
            }
        }
        try (Stream<Path> files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
        } catch (IOException e) {
            System.err.println("demo: " + folder + " could not be removed: " + e);
        }
    }
}
