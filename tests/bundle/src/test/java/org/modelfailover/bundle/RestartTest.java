package org.modelfailover.bundle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.modelfailover.gateway.DeploymentFolder;
import org.modelfailover.gateway.EmbeddedGateway;
import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.Answer;
import org.modelfailover.kit.Client;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.FailoverConfigs.Candidate;
import org.modelfailover.kit.ThisProcess;
import org.modelfailover.kit.Until;
import org.osgi.framework.Bundle;
import org.osgi.framework.launch.Framework;
import org.osgi.framework.wiring.BundleWiring;
import org.osgi.framework.wiring.FrameworkWiring;

import java.io.ByteArrayInputStream;
import java.lang.ref.WeakReference;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * The bundle is stopped, started and updated in a gateway with traffic. What the gateway has
 * deployed goes on serving, whatever becomes of its bundle, and nothing piles up.
 */
class RestartTest {
    private static final int TIMES = Integer.getInteger("bundle.restarts", 100);

    /** A replaced library is on the disk as long as a thread lives that has called it. */
    private static final int UPDATE_EVERY = 4;

    /** Before the first look at what is used: caches have filled, pools have grown. */
    private static final int WARM_UP = TIMES / 4;

    private static final int CLIENTS = 4;
    private static final String OURS = "{\"model\":\"ours\",\"messages\":[]}";
    private static final String STREAM = "{\"model\":\"ours\",\"stream\":true,\"messages\":[]}";
    private static final String OTHERS =
            "{\"model\":\"another\",\"messages\":[],\"x\":\"" + "x".repeat(200_000) + "\"}";
    private static final String CONFIGURATION =
            FailoverConfigs.empty()
                    .production(List.of(Candidate.of("ours", "one")))
                    .requestTimeout("30")
                    .suspendDuration("0")
                    .stored();

    @TempDir Path folder;

    /** Those that the bundle has had. */
    private final List<WeakReference<ClassLoader>> loaders = new ArrayList<>();

    static Stream<String> everyFramework() {
        return BundleTest.everyFramework();
    }

    private interface Body {
        void run(
                Framework framework,
                Bundle bundle,
                EmbeddedGateway gateway,
                MeasuringProvider provider)
                throws Exception;
    }

    private void inside(String name, Body body) throws Exception {
        // Else the transport would make a worker for each of the first requests.
        System.setProperty("worker_pool_size_core", "20");
        try (MeasuringProvider provider = new MeasuringProvider()) {
            DeploymentFolder api =
                    TestDeployment.assistant()
                            .endpoint("one", provider.url())
                            .policy(BundledPolicy.xml(CONFIGURATION))
                            .write(folder.resolve("api"));
            BundleTest.inside(
                    name,
                    folder.resolve("framework"),
                    Host.ALL.get(0),
                    framework -> {
                        Bundle bundle = BundleTest.install(framework);
                        bundle.start();
                        BundledPolicy.comesFrom(bundle);
                        try (EmbeddedGateway gateway = EmbeddedGateway.start(api)) {
                            body.run(framework, bundle, gateway, provider);
                        }
                    });
        } finally {
            System.clearProperty("worker_pool_size_core");
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("everyFramework")
    void whatIsDeployedServesWhileItsBundleIsStoppedAndAfter(String name) throws Exception {
        inside(
                name,
                (framework, bundle, gateway, provider) -> {
                    assertServed(gateway, OURS);
                    Request underWay = new Request(gateway, STREAM);
                    Until.holds("the stream is under way", () -> provider.streams.get() == 1);

                    bundle.stop();

                    underWay.assertServed();
                    Until.holds("no thread is left of a stopped bundle", () -> ownThreads() == 0);
                    for (String request : List.of(OURS, STREAM, OTHERS)) {
                        assertServed(gateway, request);
                    }
                    bundle.start();
                    gateway.redeploy();
                    for (String request : List.of(OTHERS, STREAM, OURS)) {
                        assertServed(gateway, request);
                    }
                });
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("everyFramework")
    void stoppedStartedAndUpdatedUnderLoadItLosesNoCallAndLeavesNothing(String name)
            throws Exception {
        inside(
                name,
                (framework, bundle, gateway, provider) -> {
                    DeploymentFolder api = DeploymentFolder.read(folder.resolve("api"));
                    byte[] jar = Files.readAllBytes(BundleTest.JAR);
                    Load load = new Load(gateway);
                    Map<String, Long> before = Map.of();
                    try {
                        for (int i = 0; i < TIMES; i++) {
                            if (i == WARM_UP) {
                                before = inUse();
                            }
                            bundle.stop();
                            bundle.start();
                            loaders.add(new WeakReference<>(loader(bundle)));
                            if (i % UPDATE_EVERY == 0) {
                                bundle.update(new ByteArrayInputStream(jar));
                                refresh(framework);
                            }
                            load.awaitAnswers(CLIENTS);
                            gateway.update(api);
                            load.awaitAnswers(CLIENTS);
                        }
                    } finally {
                        load.stop();
                    }
                    Map<String, Long> after = inUse();
                    System.out.println(
                            name + ": " + load + ", before " + before + ", after " + after);
                    assertEquals(List.of(), List.copyOf(load.lost), "lost in " + TIMES + " times");
                    assertEquals(
                            1, openPolicies(bundle) / 2, "handles of the one policy that is left");
                    for (String what : before.keySet()) {
                        long allowed = what.endsWith("MB") ? 48 : 12;
                        long grown = after.get(what) - before.get(what);
                        assertTrue(
                                grown <= allowed,
                                what + " grew by " + grown + ": " + before + " " + after);
                    }
                });
    }

    private static ClassLoader loader(Bundle bundle) {
        return bundle.adapt(BundleWiring.class).getClassLoader();
    }

    private static int openPolicies(Bundle bundle) throws Exception {
        Class<?> executor = bundle.loadClass("org.modelfailover.executor.Executor");
        return (Integer) executor.getMethod("openPolicies").invoke(null);
    }

    private static void refresh(Framework framework) throws Exception {
        var refreshed = new CountDownLatch(1);
        framework.adapt(FrameworkWiring.class).refreshBundles(null, event -> refreshed.countDown());
        assertTrue(refreshed.await(10, TimeUnit.SECONDS), "the refresh does not end");
    }

    private static long ownThreads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("model-failover"))
                .count();
    }

    /** What the process has, when what is not needed has gone. */
    private Map<String, Long> inUse() throws Exception {
        for (int i = 0; i < 5; i++) {
            System.gc();
            LockSupport.parkNanos(Duration.ofMillis(300).toNanos());
        }
        Map<String, Long> used = new TreeMap<>();
        used.put("threads", ThisProcess.threadCount());
        used.put("own threads", ownThreads());
        used.put("class loaders", loaders.stream().filter(one -> one.get() != null).count());
        used.put("files", ThisProcess.files());
        Runtime heap = Runtime.getRuntime();
        used.put("heap MB", heap.totalMemory() - heap.freeMemory() >> 20);
        try (Stream<Path> files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
            used.put(
                    "temporary files",
                    files.filter(f -> f.getFileName().toString().startsWith("model-failover-"))
                            .count());
        }
        return used;
    }

    private static void assertServed(EmbeddedGateway gateway, String request) throws Exception {
        new Request(gateway, request).assertServed();
    }

    /** A request that may still be on its way. */
    private static final class Request {
        private final String body;
        private final CompletableFuture<Answer> answer;

        Request(EmbeddedGateway gateway, String body) {
            this.body = body;
            answer =
                    Client.send(
                            HttpRequest.newBuilder(
                                            URI.create(gateway.baseUrl() + "/chat/completions"))
                                    .header("Content-Type", "application/json")
                                    .POST(BodyPublishers.ofString(body))
                                    .build(),
                            Duration.ofSeconds(10));
        }

        /** Null when the request was served, and else what came instead. */
        String lost() {
            Answer got = answer.join();
            String text = got.body();
            boolean served =
                    body.equals(STREAM)
                            ? text.endsWith("data: [DONE]\n\n")
                            : text.contains("read " + body.length());
            return got.status() == 200 && served && !got.isBroken()
                    ? null
                    : body.substring(0, 30) + ": " + got;
        }

        void assertServed() {
            assertEquals(null, lost(), "not served");
        }
    }

    /** Clients that ask and ask. */
    private static final class Load {
        final Queue<String> lost = new ConcurrentLinkedQueue<>();
        final AtomicInteger served = new AtomicInteger();
        private final List<Thread> clients = new ArrayList<>();
        private volatile boolean stopped;

        Load(EmbeddedGateway gateway) {
            String[] requests = {OURS, STREAM, OTHERS, OURS};
            for (int i = 0; i < CLIENTS; i++) {
                String mine = requests[i % requests.length];
                Thread client = new Thread(() -> ask(gateway, mine), "client-" + i);
                client.start();
                clients.add(client);
            }
        }

        private void ask(EmbeddedGateway gateway, String request) {
            while (!stopped) {
                String instead = new Request(gateway, request).lost();
                if (instead == null) {
                    served.incrementAndGet();
                } else {
                    lost.add(instead);
                }
                LockSupport.parkNanos(Duration.ofMillis(2).toNanos());
            }
        }

        void awaitAnswers(int more) {
            int now = served.get();
            Until.holds("requests are answered", () -> served.get() >= now + more);
        }

        void stop() throws InterruptedException {
            stopped = true;
            for (Thread client : clients) {
                client.join(15_000);
                assertTrue(!client.isAlive(), "a client still waits for an answer");
            }
        }

        @Override
        public String toString() {
            return served + " served, lost " + lost;
        }
    }
}
