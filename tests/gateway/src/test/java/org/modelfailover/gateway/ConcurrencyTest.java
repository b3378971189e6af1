package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.Until;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Many requests at once: each gets its own answer, and the promises about suspension hold. */
class ConcurrencyTest extends GatewayTest {
    private static final int THREADS = 16;
    private static final int REQUESTS = 200;

    private ProviderProcess provider;
    private ProviderProcess second;

    @BeforeEach
    void providers() {
        provider = provider("target");
        second = provider("second");
    }

    /** What a request expects. */
    private enum Kind {
        HEALTHY("healthy", "target"),
        LONG("long~tokens=3000", "target"),
        UNAVAILABLE("a~status=503", "second"),
        RESET("b~reset", "second"),
        EMPTY("c~empty", "second"),
        CALLERS_FAULT("d~status=415", null);

        final String model;
        final String servedBy;

        Kind(String model, String servedBy) {
            this.model = model;
            this.servedBy = servedBy;
        }
    }

    @Test
    void everyRequestGetsItsOwnAnswerWhateverTheOthersDo() throws Exception {
        TestDeployment api = api(provider, second);
        for (Kind kind : Kind.values()) {
            FailoverConfigs configs = FailoverConfigs.target(kind.model, "one");
            api.failover(configs.fallback("spare-" + kind, "two").attributes());
        }
        deploy(api);

        // The answer's id names the provider's line of the log, and that the request.
        Map<String, String> served = new ConcurrentHashMap<>();
        List<Callable<Void>> clients = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            int number = i;
            clients.add(() -> run(number, served));
        }
        inParallel(clients);

        assertNoCallIsOpen();
        Map<String, String> asked = new HashMap<>();
        for (ProviderProcess at : List.of(provider, second)) {
            for (ProviderProcess.Call call : at.calls()) {
                JsonObject body = JsonParser.parseString(call.text()).getAsJsonObject();
                asked.put(
                        "chatcmpl-" + at.name() + "-" + call.seq(), body.get("user").getAsString());
            }
        }
        served.forEach(
                (user, id) ->
                        assertEquals(user, asked.get(id), "the answer " + id + " was another's"));
        assertTrue(served.size() > THREADS * REQUESTS / 2, "only " + served.size() + " answers");
    }

    private Void run(int number, Map<String, String> served) {
        Random random = new Random(number);
        RawClient client = RawClient.to(gateway);
        for (int i = 0; i < REQUESTS; i++) {
            Kind kind = Kind.values()[random.nextInt(Kind.values().length)];
            boolean stream = random.nextBoolean();
            String user = number + "-" + i;
            String body =
                    (stream ? streamed(kind.model) : chat(kind.model))
                            .replace("\"messages\"", "\"user\":\"" + user + "\",\"messages\"");
            client.post(body);
            if (random.nextInt(12) == 0) {
                // Leaves: at once, or after the head.
                if (random.nextBoolean()) {
                    client.readHead();
                }
                if (random.nextBoolean()) {
                    client.reset();
                } else {
                    client.leave();
                }
                client = RawClient.to(gateway);
                continue;
            }
            RawClient.Answer answer;
            try {
                answer = client.answer();
            } catch (AssertionError e) {
                throw new AssertionError(
                        kind + (stream ? ", streamed: " : ": ") + e.getMessage(), e);
            }
            if (kind.servedBy == null) {
                assertEquals(415, answer.status(), answer.text());
                continue;
            }
            assertEquals(200, answer.status(), kind + " " + answer.text());
            assertEquals(
                    kind.servedBy.equals("target") ? "one" : "two",
                    answer.header("x-failover-endpoint"),
                    kind.toString());
            String text = answer.text();
            assertTrue(text.endsWith(stream ? "data: [DONE]\n\n" : "}"), "cut: " + text);
            String json = stream ? events(text).get(0) : text;
            served.put(
                    user, JsonParser.parseString(json).getAsJsonObject().get("id").getAsString());
        }
        client.close();
        return null;
    }

    private static void inParallel(List<Callable<Void>> work) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(work.size());
        try {
            for (Future<Void> done : threads.invokeAll(work, 60, TimeUnit.SECONDS)) {
                done.get();
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void exactlyOneOf32RacingRequestsProbesACandidateWhoseTimeIsOver() throws Exception {
        deploy(
                api(provider, second),
                FailoverConfigs.target("gpt", "one")
                        .fallback("claude", "two")
                        .suspendDuration("0.3"));
        for (int round = 0; round < 2; round++) {
            provider.set("gpt", "status=503");
            assertServedBy("second", ask(chat("gpt")));
            long suspended = System.nanoTime();
            // The probe takes long enough for all others to arrive meanwhile.
            provider.set("gpt", "delay=1s");
            int before = provider.calls().size();
            List<RawClient> clients = new ArrayList<>();
            for (int i = 0; i < 32; i++) {
                clients.add(client());
            }
            while (System.nanoTime() - suspended < 350_000_000L) {
                LockSupport.parkNanos(1_000_000);
            }

            CyclicBarrier together = new CyclicBarrier(clients.size());
            Map<String, Integer> endpoints = new ConcurrentHashMap<>();
            List<Callable<Void>> work = new ArrayList<>();
            for (RawClient client : clients) {
                work.add(
                        () -> {
                            together.await();
                            RawClient.Answer answer = client.post(chat("gpt")).answer();
                            endpoints.merge(answer.header("x-failover-endpoint"), 1, Integer::sum);
                            return null;
                        });
            }
            inParallel(work);

            assertEquals(1, provider.calls().size() - before, "one request probes, no more");
            assertEquals(Map.of("one", 1, "two", 31), endpoints);
            provider.set("gpt", "");
            assertServedBy("target", ask(chat("gpt")));
        }
    }

    @Test
    void aProbeWhoseClientLeavesGivesTheNextRequestItsTurn() {
        deploy(
                api(provider, second),
                FailoverConfigs.target("gpt", "one")
                        .fallback("claude", "two")
                        .requestTimeout("60")
                        .suspendDuration("0.2"));
        provider.set("gpt", "status=503");
        assertServedBy("second", ask(chat("gpt")));
        provider.set("gpt", "silent");
        RawClient probe =
                Until.is(
                        "a request probes the target",
                        () -> {
                            int probes = provider.calls().size();
                            int others = second.calls().size();
                            RawClient client = client().post(chat("gpt"));
                            Until.holds(
                                    "it reached a provider",
                                    () ->
                                            provider.calls().size() > probes
                                                    || second.calls().size() > others);
                            return provider.calls().size() > probes ? client : null;
                        },
                        client -> client != null);
        assertServedBy("second", ask(chat("gpt")));

        probe.leave();
        assertNoCallIsOpen();
        provider.set("gpt", "");

        assertServedBy("target", ask(chat("gpt")));
    }
}
