package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.executor.Executor;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.LogCapture;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.Until;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Requests that are on their way while their API is deployed anew are served with what was deployed
 * when they came, and nothing of an old deployment stays behind.
 */
class RedeployUnderLoadTest extends GatewayTest {
    /**
     * {@code -Dgateway.redeployments=1000}; without it {@link #ENOUGH} in a few seconds, or less.
     */
    private static final int REDEPLOYMENTS = Integer.getInteger("gateway.redeployments", 0);

    private static final int ENOUGH = 300;

    private static final Duration LONG_ENOUGH = Duration.ofSeconds(6);
    private static final int CLIENTS = 8;

    private ProviderProcess provider;
    private ProviderProcess second;
    private int base;

    @BeforeEach
    void start() {
        provider = provider("target");
        second = provider("second");
        base = Executor.openPolicies();
    }

    private void assertEveryHandleIsClosed() {
        Until.is(
                "the handles of all policies that were deployed are closed",
                Executor::openPolicies,
                open -> open == base);
    }

    // One request and one redeployment, in an order that is given

    @Test
    void aRequestThatIsStillBeingSentIsServedAfterItsApiWasUndeployed() {
        ProbePolicy.forget();
        deploy(
                api(provider)
                        .policy(ProbePolicy.xml("before"))
                        .failover(FailoverConfigs.target("gpt-4o", "one").attributes()));
        assertServedBy("target", ask(chat("gpt-4o")));
        byte[] body = chat("gpt-4o").getBytes();
        RawClient client = client();
        client.send(RawClient.head() + "Content-Length: " + body.length + "\n\n");
        client.send(java.util.Arrays.copyOf(body, 10));
        Until.holds("the request has come", () -> ProbePolicy.SEEN.size() == 2);
        LockSupport.parkNanos(Duration.ofMillis(50).toNanos());

        gateway.undeploy();
        client.send(java.util.Arrays.copyOfRange(body, 10, body.length));

        RawClient.Answer answer = client.answer();
        assertServedBy("target", answer);
        assertEquals("Bearer sk-one", provider.calls().get(1).header("Authorization"));
        assertEveryHandleIsClosed();
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt-4o", "gpt-4o~status=503"})
    void aRequestThatComesToAPolicyAfterItsUndeploymentIsServedWithWhatWasDeployed(String model) {
        String server = model.contains("503") ? "second" : "target";
        deploy(
                api(provider, second)
                        .policy(GatePolicy.xml())
                        .failover(
                                FailoverConfigs.target(model, "one")
                                        .fallback("claude", "two")
                                        .attributes()));
        assertServedBy(server, ask(chat(model)));
        GatePolicy.shut();
        RawClient one = client().post(chat(model));
        RawClient two = client().post(streamed(model));
        GatePolicy.awaitRequests(2);

        gateway.undeploy();
        assertEveryHandleIsClosed();
        GatePolicy.open();

        assertServedBy(server, one.answer());
        assertServedBy(server, two.answer());
        assertEquals(404, ask(chat(model)).status(), "the host's: nothing is deployed");
        assertEveryHandleIsClosed();
    }

    @Test
    void theFirstRequestOfADeploymentMayComeAfterItsEndToo() {
        deploy(
                api(provider)
                        .policy(GatePolicy.xml())
                        .failover(FailoverConfigs.target("gpt-4o", "one").attributes()));
        GatePolicy.shut();
        RawClient client = client().post(chat("gpt-4o"));
        GatePolicy.awaitRequests(1);

        gateway.redeploy();
        GatePolicy.open();

        assertServedBy("target", client.answer());
        gateway.undeploy();
        assertEveryHandleIsClosed();
    }

    @Test
    void aChangedEndpointCountsForTheNextRequest() {
        deploy(changing(provider));
        assertServedBy("target", ask(chat("gpt-4o")));

        gateway.update(changing(second).write(folder.resolve("second")));

        assertServedBy("second", ask(chat("gpt-4o")));
    }

    private static TestDeployment changing(ProviderProcess provider) {
        return TestDeployment.api("Changing", "1.0.0", "/assistant/1.0.0")
                .endpoint("one", provider.url())
                .failover(FailoverConfigs.target("gpt-4o", "one").attributes());
    }

    // Many of both

    /** How an API is deployed anew. */
    private enum Way {
        /** Undeployed first: in between, the host knows no such API. */
        UNDEPLOYED_FIRST,
        /** Artifact by artifact. */
        IN_PLACE
    }

    @ParameterizedTest
    @EnumSource(Way.class)
    void noRequestIsLostWhileItsApiIsDeployedAnewUnderLoad(Way way) throws Exception {
        TestDeployment api =
                api(provider, second)
                        .failover(
                                FailoverConfigs.target("gpt-4o", "one")
                                        .fallback("claude", "two")
                                        .attributes());
        deploy(api);
        DeploymentFolder revision = DeploymentFolder.read(folder.resolve("first"));
        Load load = new Load(way);
        int redeployments = 0;
        long end = System.nanoTime() + LONG_ENOUGH.toNanos();
        LogCapture log = LogCapture.ofErrors();
        try (log) {
            while (REDEPLOYMENTS > 0
                    ? redeployments < REDEPLOYMENTS
                    : redeployments < ENOUGH && System.nanoTime() < end) {
                switch (way) {
                    case UNDEPLOYED_FIRST -> gateway.redeploy(revision);
                    case IN_PLACE -> gateway.update(revision);
                }
                redeployments++;
                // Time for some requests: else all of them would come to no API.
                LockSupport.parkNanos(Duration.ofMillis(2).toNanos());
                if (redeployments % 100 == 0) {
                    provider.forget();
                    second.forget();
                }
            }
        } finally {
            load.stop();
        }
        System.out.println(
                way + ": " + redeployments + " redeployments, " + load.statuses + load.lost);
        assertEquals(
                List.of(),
                List.copyOf(load.lost),
                () -> "in " + load.served + " requests; the log: " + log.text());
        assertTrue(redeployments > 20 && load.served.get() > redeployments, load.toString());
        gateway.undeploy();
        assertEveryHandleIsClosed();
    }

    /** Clients that ask and ask. */
    private final class Load {
        final AtomicInteger served = new AtomicInteger();
        final Map<Integer, Integer> statuses = new TreeMap<>();
        final Queue<String> lost = new ConcurrentLinkedQueue<>();
        private final Way way;
        private final AtomicBoolean stopped = new AtomicBoolean();
        private final List<Thread> clients = new ArrayList<>();

        /** The host itself can't pass a request on while the endpoints of its API are gone. */
        Load(Way way) {
            this.way = way;
            String others = chat("another-model").replace("hi", "x".repeat(100_000));
            String[] requests = {
                chat("gpt-4o"),
                streamed("gpt-4o"),
                chat("gpt-4o"),
                way == Way.IN_PLACE ? others : streamed("gpt-4o")
            };
            for (int i = 0; i < CLIENTS; i++) {
                String mine = requests[i % requests.length];
                Thread client = new Thread(() -> ask(mine), "client-" + i);
                client.start();
                clients.add(client);
            }
        }

        private void ask(String request) {
            RawClient client = RawClient.to(gateway);
            while (!stopped.get()) {
                try {
                    RawClient.Answer answer = client.post(request).answer();
                    count(answer.status());
                    if (answer.status() == 200) {
                        served.incrementAndGet();
                        if (request.contains("stream") && !answer.text().contains("[DONE]")) {
                            lost.add("a stream without an end: " + answer.text());
                        }
                    } else if (isTheHosts(request, answer)) {
                        LockSupport.parkNanos(Duration.ofMillis(3).toNanos());
                    } else {
                        lost.add(answer.status() + " " + answer.text());
                    }
                    if ("close".equalsIgnoreCase(answer.header("Connection"))) {
                        client.close();
                        client = RawClient.to(gateway);
                    }
                } catch (AssertionError e) {
                    lost.add(
                            e.getMessage()
                                    + " "
                                    + request.substring(0, 40)
                                    + ", calls that are open: "
                                    + Executor.openCalls());
                    client.close();
                    client = RawClient.to(gateway);
                }
            }
            client.close();
        }

        /**
         * Answers of a host that has no API, or no longer all of it; in place, of one whose own way
         * to a model that is no target leads through an endpoint that has ended meanwhile.
         */
        private boolean isTheHosts(String request, RawClient.Answer answer) {
            String text = answer.text();
            return switch (way) {
                case UNDEPLOYED_FIRST ->
                        answer.status() == 404 && text.contains("is not available")
                                || text.contains("Sequence named Value")
                                || text.contains("Couldn't find the endpoint with the key");
                case IN_PLACE ->
                        request.contains("another-model")
                                && text.contains("Runtime error occurred while mediating");
            };
        }

        private synchronized void count(int status) {
            statuses.merge(status, 1, Integer::sum);
        }

        void stop() throws InterruptedException {
            stopped.set(true);
            for (Thread client : clients) {
                client.join(20_000);
                assertTrue(!client.isAlive(), "a client still waits for an answer");
            }
        }

        @Override
        public String toString() {
            return statuses + " " + lost;
        }
    }
}
