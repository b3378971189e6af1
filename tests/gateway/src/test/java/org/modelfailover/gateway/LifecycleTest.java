package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.executor.InvalidConfigurationException;
import org.modelfailover.executor.NativeExecutor;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.LogCapture;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.Until;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * Deploying, redeploying and undeploying the policy, good configurations and bad ones, and the
 * native handles.
 */
class LifecycleTest extends GatewayTest {
    private ProviderProcess provider;
    private ProviderProcess second;

    @BeforeEach
    void providers() {
        provider = provider("target");
        second = provider("second");
    }

    // Redeployment

    @Test
    void callsUnderWayFinishWhenTheApiIsRedeployed() {
        String plain = "plain~delay=600ms";
        String stream = "stream~tokens=15~interval=60ms";
        String failing = "failing~delay=600ms~status=503";
        deploy(
                api(provider, second)
                        .failover(FailoverConfigs.target(plain, "one").attributes())
                        .failover(FailoverConfigs.target(stream, "one").attributes())
                        .failover(
                                FailoverConfigs.target(failing, "one")
                                        .fallback("claude", "two")
                                        .attributes()));
        RawClient one = client().post(chat(plain));
        RawClient two = client().post(streamed(stream));
        RawClient three = client().post(chat(failing));
        Until.is("all three are under way", provider::calls, calls -> calls.size() == 3);

        gateway.redeploy();

        assertServedBy("target", one.answer());
        RawClient.Answer streamed = two.answer();
        assertServedBy("target", streamed);
        assertTrue(streamed.text().endsWith("data: [DONE]\n\n"), streamed.text());
        assertServedBy("second", three.answer());
        assertServedBy("target", ask(chat(plain)));
    }

    @Test
    void suspensionsSurviveARedeployment() {
        String model = "gpt~status=503";
        deploy(
                api(provider, second),
                FailoverConfigs.target(model, "one")
                        .fallback("claude", "two")
                        .suspendDuration("60"));
        assertServedBy("second", ask(chat(model)));
        assertEquals(1, provider.calls().size());

        gateway.redeploy();

        assertServedBy("second", ask(chat(model)));
        assertEquals(1, provider.calls().size(), "the target is still suspended");
    }

    @Test
    void manyRedeploymentsLeaveNothingBehind() throws IOException {
        // Else the transport would make a worker for each of the first 400 requests.
        System.setProperty("worker_pool_size_core", "20");
        try {
            deploy(api(provider), FailoverConfigs.target("gpt-4o", "one"));
        } finally {
            System.clearProperty("worker_pool_size_core");
        }
        redeploy(50);
        Map<String, Long> threads = threads();
        long memory = memory();

        redeploy(200);

        Map<String, Long> more = threads();
        more.replaceAll((name, count) -> count - threads.getOrDefault(name, 0L));
        more.values().removeIf(count -> count < 5);
        assertEquals(Map.of(), more, "threads that came with 200 redeployments");
        long grown = memory() - memory >> 20;
        assertTrue(grown < 64, "200 redeployments cost " + grown + " MB");
    }

    private void redeploy(int times) {
        for (int i = 0; i < times; i++) {
            gateway.redeploy();
            assertServedBy("target", ask(i % 2 == 0 ? chat("gpt-4o") : streamed("gpt-4o")));
        }
    }

    /** The process's threads, native ones too, by the first letters of their names. */
    private static Map<String, Long> threads() throws IOException {
        Map<String, Long> threads = new HashMap<>();
        try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
            for (Path task : tasks.toList()) {
                try {
                    String name = Files.readString(task.resolve("comm")).trim();
                    threads.merge(name, 1L, Long::sum);
                } catch (NoSuchFileException e) {
                    // It ended meanwhile.
                }
            }
        }
        return threads;
    }

    /** The resident memory of this process, which is the gateway's too, in bytes. */
    static long memory() throws IOException {
        System.gc();
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("\\D", "")) << 10;
            }
        }
        throw new AssertionError("no VmRSS");
    }

    @Test
    void aNewRevisionsEndpointsAndKeysAreUsedAtOnce() {
        TestDeployment before = api(provider);
        deploy(before, FailoverConfigs.target("gpt-4o", "one"));
        assertServedBy("target", ask(chat("gpt-4o")));

        gateway.redeploy(
                api().endpoint("one", second.url())
                        .headerKey("x-api-key", "sk-new")
                        .failover(FailoverConfigs.target("gpt-4o", "one").attributes())
                        .write(folder.resolve("second")));

        assertServedBy("second", ask(chat("gpt-4o")));
        assertEquals("sk-new", second.only().header("x-api-key"));
        assertNull(second.only().header("Authorization"), "that was the old revision's key");
    }

    @Test
    void twoGatewaysInOneJvmServeTheirOwnApis() {
        deploy(api(provider), FailoverConfigs.target("gpt-4o", "one"));
        EmbeddedGateway other =
                closing(
                        EmbeddedGateway.start(
                                api(second)
                                        .failover(
                                                FailoverConfigs.target("gpt-4o", "one")
                                                        .attributes())
                                        .write(folder.resolve("other"))));
        RawClient client = closing(RawClient.to(other));

        assertServedBy("target", ask(chat("gpt-4o")));
        assertServedBy("second", client.post(streamed("gpt-4o")).answer());
        other.close();
        assertServedBy("target", ask(chat("gpt-4o")));
    }

    // Settings

    @Test
    void theGatewaysSettingsApplyFromTheNextDeploymentOn() {
        TestDeployment api = api(provider);
        deploy(
                api.settings(
                        "[apim.ai.model_failover]\n"
                                + "max_request_body = \"200B\"\n"
                                + "response_headers = false\n"),
                FailoverConfigs.target("gpt-4o", "one"));
        RawClient.Answer before = ask(chat("gpt-4o"));
        assertServedBy("target", before);
        assertNull(before.header("x-failover-model"), "response_headers = false");
        assertEquals(413, ask(chat("gpt-4o") + " ".repeat(200)).status());

        gateway.redeploy(
                api(provider)
                        .failover(FailoverConfigs.target("gpt-4o", "one").attributes())
                        .settings("[apim.ai.model_failover]\nmax_request_body = \"1KiB\"\n")
                        .write(folder.resolve("second")));

        RawClient.Answer after = ask(chat("gpt-4o") + " ".repeat(200));
        assertServedBy("target", after);
        assertEquals("gpt-4o", after.header("x-failover-model"));
    }

    @Test
    void anUnknownSettingIsWarnedAboutWithTheNearestName() {
        try (LogCapture log = new LogCapture()) {
            deploy(
                    api(provider)
                            .settings(
                                    "[apim.ai.model_failover]\n"
                                            + "max_request_bodi = \"1\" # "
                                            + folder
                                            + "\n"),
                    FailoverConfigs.target("gpt-4o", "one"));

            List<String> lines = log.lines("WARN", "max_request_bodi");
            assertEquals(1, lines.size(), log.notable());
            assertTrue(lines.get(0).contains("max_request_body"), lines.get(0));
            assertTrue(lines.get(0).contains("deployment.toml"), "which file? " + lines.get(0));
        }
        assertServedBy("target", ask(chat("gpt-4o")));
    }

    @Test
    void anApisOwnAttributeWinsOverTheGatewaysSetting() {
        deploy(
                api(provider).settings("[apim.ai.model_failover]\nresponse_headers = false\n"),
                FailoverConfigs.target("gpt-4o", "one").attribute("responseHeaders", "true"));

        assertEquals("gpt-4o", ask(chat("gpt-4o")).header("x-failover-model"));
    }

    // Configurations that cannot be used

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"production\":{\"targetModel\":{\"model\":\"m\",\"endpointId\":\"\"}}} |"
                        + " endpointId",
                "{\"production\":{\"targetModel\":{\"endpointId\":\"one\"}}} | model",
                "{\"production\":{\"targetModel\":{\"model\":\"m\",\"endpointId\":\"one\"}},"
                        + "\"requestTimeout\":\"-1\"} | requestTimeout",
                "{\"production\":{\"targetModel\":{\"model\":\"m\",\"endpointId\":\"one\"}},"
                        + "\"suspendDuration\":\"often\"} | suspendDuration",
                "{\"production\":{\"targetModel\":{\"model\":\"m\",\"endpointId\":\"one\"}},"
                        + "\"requestTimeout\":\"25h\"} | requestTimeout",
                "{\"production\": | production",
                "nonsense | failoverConfigs",
                "[] | failoverConfigs",
                "`` | failoverConfigs"
            })
    void aConfigurationThatCannotBeUsedIsSaidAtDeploymentAndToEveryCaller(
            String configs, String field) {
        TestDeployment api = api(provider);
        List<String> lines;
        try (LogCapture log = new LogCapture()) {
            deploy(api.failover(Map.of("failoverConfigs", TestDeployment.asPortal(configs))));
            lines = log.lines("ERROR", field);
            assertEquals(1, lines.size(), "one line should name " + field + ": " + log.notable());
        }

        for (String model : List.of("m", "another-model")) {
            RawClient.Answer answer = ask(chat(model));
            assertEquals(500, answer.status(), answer.text());
            String description =
                    JsonParser.parseString(answer.text())
                            .getAsJsonObject()
                            .get("description")
                            .getAsString();
            assertTrue(description.contains(field), "the field should be named: " + description);
        }
        assertEquals(List.of(), provider.calls(), "it never becomes \"no failover, silently\"");
        assertTrue(lines.get(0).contains("modelFailover"), "which policy? " + lines.get(0));
    }

    @Test
    void theLineAboutABadConfigurationNamesApiAndVersion() {
        TestDeployment api =
                TestDeployment.api("SomeAPI", "2.7.1", "/assistant/1.0.0")
                        .endpoint("one", provider.url());
        try (LogCapture log = new LogCapture()) {
            deploy(api.failover(Map.of("failoverConfigs", "nonsense")));

            String line = log.lines("ERROR", "failoverConfigs").get(0);
            assertTrue(
                    line.contains("SomeAPI") && line.contains("2.7.1"),
                    "an operator has to know whose configuration it is: " + line);
        }
    }

    @Test
    void aHalfFilledFallbackIsLeftOutWithAnErrorLineAndTheTargetWorks() {
        try (LogCapture log = new LogCapture()) {
            deploy(
                    api(provider, second),
                    FailoverConfigs.target("gpt~status=503", "one")
                            .fallback("half", "")
                            .fallback("claude", "two"));
            List<String> lines = log.lines("ERROR", "fallbackModels");
            assertEquals(1, lines.size(), log.notable());
            assertTrue(
                    lines.get(0).contains("fallbackModels[0]")
                            || lines.get(0).contains("fallbackModels row 1"),
                    "which row? " + lines.get(0));
        }

        assertServedBy("second", ask(chat("gpt~status=503")));
        assertEquals(1, provider.calls().size());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"it's", "a&b", "a<b>", "100%", "a+b", "{{ 1 }}", "c:\\\\d", "a=b~tokens=3"})
    void namesSurviveTheWholeWayFromTheEditor(String model) {
        String plain = model.replace("\\\\", "\\");
        deploy(api(provider), FailoverConfigs.target(plain, "one"));

        RawClient.Answer answer = ask(chat(model));

        assertEquals(200, answer.status(), answer.text());
        assertEquals(plain, answer.header("x-failover-model"));
    }

    // Native handles

    private static final long[] NOT_HANDLES = {0, -1, 1L << 62, Long.MIN_VALUE, 4711};

    @Test
    void aNumberThatIsNoHandleIsAnExceptionAndNotACrash() {
        for (long handle : NOT_HANDLES) {
            for (Executable use :
                    List.<Executable>of(
                            () -> NativeExecutor.diagnostics(handle),
                            () -> NativeExecutor.maxRequestBody(handle),
                            () -> NativeExecutor.longestWait(handle),
                            () -> NativeExecutor.bind(handle, "t", "a", "1", null),
                            () -> NativeExecutor.endpointIds(handle, true),
                            () ->
                                    NativeExecutor.prepare(
                                            handle, true, "/x", null, null, 0, 0, new byte[0], 0),
                            () -> NativeExecutor.firstCandidate(handle),
                            () -> NativeExecutor.start(handle, null, false))) {
                assertThrows(IllegalStateException.class, use, "handle " + handle);
            }
            NativeExecutor.cancel(handle);
            NativeExecutor.close(handle);
            NativeExecutor.writable(handle);
            NativeExecutor.unusable(handle, "why");
            NativeExecutor.resolved(handle, "POST", "http://x/", new byte[0], true);
        }
    }

    @Test
    void aClosedHandleIsNoHandle() {
        String configs =
                FailoverConfigs.target("m", "one").attributes().get("failoverConfigs").toString();
        long policy = NativeExecutor.open(configs, new String[0]);
        long bound = NativeExecutor.bind(policy, "t", "handles", "1", null);
        for (long handle : new long[] {policy, bound}) {
            assertEquals(List.of("one"), List.of(NativeExecutor.endpointIds(handle, true)));
        }
        assertThrows(
                IllegalStateException.class,
                () ->
                        NativeExecutor.prepare(
                                policy, true, "/x", null, null, 0, 0, chat("m").getBytes(), 0),
                "a policy's handle is none of a bound policy");

        NativeExecutor.close(policy);
        NativeExecutor.close(policy);
        assertThrows(IllegalStateException.class, () -> NativeExecutor.maxRequestBody(policy));
        long call =
                NativeExecutor.prepare(
                        bound, true, "/x", null, null, 0, 0, chat("m").getBytes(), 0);
        assertEquals(0, NativeExecutor.firstCandidate(call));
        assertEquals(1, NativeExecutor.openCalls());
        NativeExecutor.close(bound);
        NativeExecutor.cancel(call);
        NativeExecutor.cancel(call);
        assertEquals(0, NativeExecutor.openCalls());
        assertThrows(IllegalStateException.class, () -> NativeExecutor.firstCandidate(call));
        assertThrows(
                IllegalStateException.class,
                () -> NativeExecutor.prepare(bound, true, "/x", null, null, 0, 0, new byte[0], 0));
    }

    @Test
    void nullsAreExceptionsAndNotCrashes() {
        String configs =
                FailoverConfigs.target("m", "one").attributes().get("failoverConfigs").toString();
        long policy = NativeExecutor.open(configs, new String[0]);
        long bound = NativeExecutor.bind(policy, null, null, null, null);
        try {
            assertThrows(
                    InvalidConfigurationException.class,
                    () -> NativeExecutor.open(null, new String[0]));
            assertThrows(RuntimeException.class, () -> NativeExecutor.open(configs, null));
            assertThrows(RuntimeException.class, () -> NativeExecutor.configure("", null));
            assertThrows(
                    RuntimeException.class,
                    () -> NativeExecutor.prepare(bound, true, null, null, null, 0, 0, null, 0));
            NativeExecutor.resolved(1, null, null, new byte[0], false);
            NativeExecutor.unusable(1, null);
        } finally {
            NativeExecutor.close(bound);
            NativeExecutor.close(policy);
        }
        assertEquals(0, NativeExecutor.openCalls());
    }

    // The executor's own end

    @Test
    void aPolicyThatIsDeployedAfterTheExecutorWasShutDownWorks() {
        deploy(api(provider), FailoverConfigs.target("gpt-4o", "one"));
        assertServedBy("target", ask(chat("gpt-4o")));

        for (int i = 0; i < 3; i++) {
            NativeExecutor.shutDown();
            gateway.redeploy();
            assertServedBy("target", ask(chat("gpt-4o")));
            assertServedBy("target", ask(streamed("gpt-4o")));
        }
    }

    @Test
    void threadsThatNeedNotStayEndWithTheLastCallAndBeginWithTheNext() throws IOException {
        String slow = "gpt-4o~tokens=20~interval=30ms";
        deploy(api(provider), FailoverConfigs.target(slow, "one"));
        long files = 0;
        try {
            for (int i = 0; i < 6; i++) {
                RawClient client = client().post(streamed(slow));
                Until.is("the call is under way", NativeExecutor::openCalls, calls -> calls == 1);
                NativeExecutor.keepThreads(false);

                RawClient.Answer answer = client.answer();
                assertServedBy("target", answer);
                assertTrue(answer.text().endsWith("data: [DONE]\n\n"), answer.text());
                client.close();
                Until.holds("the threads end", () -> !threads().containsKey("model-failover"));
                assertServedBy("target", ask(chat(slow)));
                Until.holds("the threads end", () -> !threads().containsKey("model-failover"));
                if (i == 1) {
                    files = files();
                }
            }
            long most = files + 3;
            Until.is("open files", LifecycleTest::files, now -> now <= most);
        } finally {
            NativeExecutor.keepThreads(true);
        }
    }

    private static long files() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
            return files.count();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt~silent", "gpt~tokens=9~stall=2"})
    void callsUnderWayEndWhenTheExecutorIsShutDown(String model) {
        deploy(api(provider), FailoverConfigs.target(model, "one"));
        RawClient client = client().post(streamed(model));
        Until.is("the call is under way", provider::calls, calls -> calls.size() == 1);
        if (model.contains("stall")) {
            client.readHead();
            client.readChunksUntil("Provider");
        }

        NativeExecutor.shutDown();

        assertEquals(0, NativeExecutor.openCalls());
        assertEquals("client-left", provider.onlyEnded().end());
        if (model.contains("stall")) {
            // What was under way to the client may still arrive, but no end that looks like one.
            AssertionError cut =
                    assertThrows(AssertionError.class, () -> client.readChunksUntil("[DONE]"));
            assertTrue(cut.getMessage().contains("broke off"), cut.getMessage());
            return;
        }
        try {
            assertTrue(client.answer().status() >= 500, "it can't be a success");
        } catch (AssertionError e) {
            assertTrue(
                    !String.valueOf(e.getMessage()).contains("neither answered nor closed"),
                    e.getMessage());
        }
    }

    @Test
    void whoeverComesWhileTheExecutorIsShutDownIsAnsweredOrCutOff() throws Exception {
        String slow = "gpt-4o~tokens=3~interval=5ms";
        deploy(api(provider), FailoverConfigs.target(slow, "one"));
        AtomicBoolean over = new AtomicBoolean();
        AtomicInteger asked = new AtomicInteger();
        Queue<String> hung = new ConcurrentLinkedQueue<>();
        List<Thread> clients = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            Thread thread =
                    new Thread(
                            () -> {
                                while (!over.get() && hung.isEmpty()) {
                                    asked.incrementAndGet();
                                    try (RawClient client = client().patience(5_000)) {
                                        client.post(streamed(slow)).answer();
                                    } catch (AssertionError e) {
                                        if (e.getMessage()
                                                .contains("neither answered nor closed")) {
                                            hung.add(e.getMessage());
                                        }
                                    }
                                }
                            });
            thread.start();
            clients.add(thread);
        }
        for (int i = 0; i < 150 && hung.isEmpty(); i++) {
            Thread.sleep(20);
            NativeExecutor.shutDown();
        }
        over.set(true);
        for (Thread client : clients) {
            client.join();
        }
        assertEquals(List.of(), List.copyOf(hung), "of " + asked + " requests");
    }
}
