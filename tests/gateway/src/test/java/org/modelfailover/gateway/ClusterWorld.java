package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.modelfailover.kit.Answer;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayProcess;
import org.modelfailover.kit.Line;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.ProviderProcess.Call;
import org.modelfailover.kit.Until;

import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** Gateways in JVMs of their own, in front of one provider, with a store that they share. */
final class ClusterWorld implements AutoCloseable {
    /** Suspensions last so long, in seconds. */
    static final int SUSPENDED = 2;

    /**
     * More than a request with a failover takes on a busy machine, less than any wait for a store.
     */
    private static final long PROMPT_MILLIS = 2500;

    private static final int POLICIES = 14;

    final ProviderProcess provider = ProviderProcess.start("shared");
    final List<GatewayProcess> gateways = new ArrayList<>();
    final List<Line> lines = new ArrayList<>();
    private final Path folder;
    private final AtomicInteger used = new AtomicInteger();

    ClusterWorld(Path folder) {
        this.folder = folder;
    }

    /** A target that no other test of this world has. */
    String target() {
        return "t" + used.incrementAndGet();
    }

    static String fallback(String target) {
        return target + "-fallback";
    }

    /** The same API at each of them, as a deployment has it. */
    private TestDeployment api() {
        TestDeployment api =
                TestDeployment.api("Shared", "1.0.0", "/shared/1.0.0")
                        .provider("OpenAI")
                        .endpoint("one", provider.url())
                        .headerKey("Authorization", "Bearer sk-one");
        for (int number = 1; number <= POLICIES; number++) {
            String target = "t" + number;
            api.failover(
                    FailoverConfigs.target(target, "one")
                            .fallback(fallback(target), "one")
                            .requestTimeout("3")
                            .suspendDuration(String.valueOf(SUSPENDED))
                            .attributes());
        }
        return api;
    }

    static String cluster(String... settings) {
        return "[apim.ai.model_failover.cluster]\n" + String.join("\n", settings) + "\n";
    }

    GatewayProcess start(String name, String settings, String... prefix) {
        GatewayProcess gateway =
                GatewayProcess.start(
                        folder.resolve(name),
                        api(),
                        settings + "node = \"" + name + "\"\n",
                        prefix);
        gateways.add(gateway);
        return gateway;
    }

    /** One whose line to the store can be cut. */
    GatewayProcess startOnALine(String name, int store) {
        Line line = Line.to(store);
        lines.add(line);
        return start(name, cluster("url = \"redis://127.0.0.1:" + line.port() + "\""));
    }

    void linked() {
        for (GatewayProcess gateway : gateways) {
            if (gateway.isAlive()) {
                Until.holds("a gateway is linked", gateway::isLinked);
            }
        }
    }

    void alone(GatewayProcess... those) {
        for (GatewayProcess gateway : those) {
            Until.holds("a gateway is alone", () -> !gateway.isLinked());
        }
    }

    /** A first answer of each gateway: from then on it knows the model. */
    void warm(String target) {
        for (GatewayProcess gateway : gateways) {
            if (gateway.isAlive()) {
                served(gateway.ask(target));
            }
        }
        provider.forgetCalls();
    }

    void served(Answer answer) {
        assertEquals(200, answer.status(), () -> answer + " " + answer.body());
    }

    /** How often the provider was called for a model. */
    int calls(String model) {
        return provider.callsOf(model).size();
    }

    /** Clients of some gateways, who ask for one model without pause until they are stopped. */
    final class Load implements AutoCloseable {
        private final List<Thread> clients = new ArrayList<>();
        private final Queue<String> errors = new ConcurrentLinkedQueue<>();
        private final AtomicInteger answers = new AtomicInteger();
        private final AtomicLong longest = new AtomicLong();
        private volatile boolean over;

        Load(String model, List<GatewayProcess> asked) {
            for (GatewayProcess gateway : asked) {
                for (int number = 0; number < 2; number++) {
                    Thread client = new Thread(() -> ask(gateway, model), "client");
                    client.start();
                    clients.add(client);
                }
            }
        }

        private void ask(GatewayProcess gateway, String model) {
            try {
                while (!over) {
                    Answer answer = gateway.ask(model);
                    // One that was killed meanwhile can't answer.
                    if (answer.status() != 200 && gateway.isAlive()) {
                        errors.add(answer.status() + " " + answer.broken() + " " + answer.body());
                    }
                    longest.accumulateAndGet(answer.millis(), Math::max);
                    answers.incrementAndGet();
                    Thread.sleep(10);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        /** Goes on. */
        void forAWhile(long millis) throws InterruptedException {
            Thread.sleep(millis);
        }

        @Override
        public void close() {
            over = true;
            for (Thread client : clients) {
                try {
                    client.join();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    throw new AssertionError(e);
                }
            }
            assertTrue(errors.isEmpty(), () -> errors.size() + " errors, such as " + errors.peek());
            assertTrue(answers.get() > 20, "clients were answered");
            assertTrue(
                    longest.get() < PROMPT_MILLIS,
                    () -> "a client waited " + longest.get() + " ms for its answer");
        }
    }

    Load load(String model, GatewayProcess... asked) {
        return new Load(model, List.of(asked));
    }

    /** The most calls of a model that the provider ever had at the same time. */
    int together(String model, int length) {
        List<Call> calls = provider.callsOf(model);
        int most = 0;
        for (Call call : calls) {
            long begun = Instant.parse(call.time()).toEpochMilli();
            long open =
                    calls.stream()
                            .mapToLong(other -> Instant.parse(other.time()).toEpochMilli())
                            .filter(other -> other <= begun && other > begun - length)
                            .count();
            most = Math.max(most, (int) open);
        }
        return most;
    }

    @Override
    public void close() {
        gateways.forEach(GatewayProcess::close);
        lines.forEach(Line::close);
        provider.close();
    }
}
