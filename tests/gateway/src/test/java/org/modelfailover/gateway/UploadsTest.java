package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.apache.synapse.MessageContext;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.rest.Handler;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.executor.NativeExecutor;
import org.modelfailover.gateway.host.ExtensionHandler;
import org.modelfailover.gateway.host.KeyTypeHandler;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.Until;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;

/**
 * Clients that are slow to send, or send too much, cost the others nothing: no worker, and no more
 * memory than what they have sent.
 */
class UploadsTest extends GatewayTest {
    private static final int WORKERS = 4;

    /** Longer than anybody waits for a request that is still coming. */
    private static final int A_WHILE = 150;

    private ProviderProcess target;
    private ProviderProcess standard;

    @BeforeEach
    void providers() {
        target = provider("target");
        standard = provider("standard");
        ProbePolicy.forget();
        Seen.REQUESTS.clear();
    }

    @AfterEach
    void nothingIsHeld() {
        Until.is("no body is counted any more", NativeExecutor::heldBytes, held -> held == 0);
    }

    /** The policy's target is the endpoint {@code two}; {@code one} is the API's default. */
    private static FailoverConfigs failover() {
        return FailoverConfigs.target("gpt-4o", "two");
    }

    private void deployWithFewWorkers(TestDeployment deployment) {
        System.setProperty("worker_pool_size_core", String.valueOf(WORKERS));
        System.setProperty("worker_pool_size_max", String.valueOf(WORKERS));
        deploy(deployment);
    }

    @AfterEach
    void manyWorkers() {
        System.clearProperty("worker_pool_size_core");
        System.clearProperty("worker_pool_size_max");
    }

    private TestDeployment api(FailoverConfigs configs) {
        return api(standard, target).failover(configs.attributes());
    }

    private static byte[] body(String model, int size) {
        String start =
                "{\"model\":\"" + model + "\",\"messages\":[{\"role\":\"user\",\"content\":\"";
        StringBuilder body = new StringBuilder(start);
        for (int i = 0; body.length() < size - 4; i++) {
            body.append((char) ('a' + i % 26));
        }
        return body.append("\"}]}").toString().getBytes();
    }

    /** Sends the head and the first half of a body. */
    private static RawClient begin(RawClient client, byte[] body) {
        client.send(RawClient.head() + "Content-Length: " + body.length + "\n\n");
        return client.send(Arrays.copyOf(body, body.length / 2));
    }

    private static RawClient finish(RawClient client, byte[] body) {
        return client.send(Arrays.copyOfRange(body, body.length / 2, body.length));
    }

    private static void pause() {
        try {
            Thread.sleep(A_WHILE);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static long usedHeap() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    private void assertOthersAreServedAtOnce() {
        for (String model : List.of("gpt-4o", "another-model")) {
            long started = System.nanoTime();
            assertServedBy(model.equals("gpt-4o") ? "target" : "standard", ask(chat(model)));
            long millis = (System.nanoTime() - started) / 1_000_000;
            assertTrue(millis < 2_000, "another client waited for " + millis + " ms");
        }
    }

    private static void assertEnded(RawClient client, RawClient.Answer answer) {
        assertEquals("close", answer.header("Connection").toLowerCase());
        assertTrue(client.isClosed(), "Connection: close was announced");
    }

    // Others

    @Test
    void announcedLengthsTakeNoMemory() {
        deployWithFewWorkers(api(failover()));
        ask(chat("gpt-4o"));
        long before = usedHeap();

        List<RawClient> idle = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            idle.add(
                    client().send(RawClient.head() + "Content-Length: 67108864\n\n")
                            .send("{".getBytes()));
        }
        assertOthersAreServedAtOnce();

        long each = (usedHeap() - before) / idle.size();
        assertTrue(each < 200 << 10, "a client that only announces takes " + each + " bytes");
        assertTrue(
                NativeExecutor.heldBytes() < 300 << 10,
                "what is counted grows with what has come: " + NativeExecutor.heldBytes());
        idle.forEach(RawClient::reset);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt-4o", "another-model"})
    void slowUploadsHoldNoWorker(String model) {
        deployWithFewWorkers(api(failover()));
        byte[] body = body(model, 100_000);

        List<RawClient> slow = new ArrayList<>();
        for (int i = 0; i < 5 * WORKERS; i++) {
            slow.add(begin(client(), body));
        }
        pause();
        assertOthersAreServedAtOnce();
        target.forget();
        standard.forget();

        slow.forEach(client -> finish(client, body));
        ProviderProcess served = model.equals("gpt-4o") ? target : standard;
        slow.forEach(client -> assertServedBy(served.name(), client.answer()));
        assertEquals(slow.size(), served.calls().size());
        served.calls().forEach(call -> assertArrayEquals(body, call.body()));
    }

    // What comes after the policy

    /** Writes down requests, and stands before and behind the handler that runs policies. */
    public static final class Seen implements Handler {
        static final List<String> REQUESTS = new CopyOnWriteArrayList<>();

        @Override
        public boolean handleRequest(MessageContext synCtx) {
            var axis2 = ((Axis2MessageContext) synCtx).getAxis2MessageContext();
            REQUESTS.add(synCtx.getMessageID() + " " + axis2.getProperty("REST_URL_POSTFIX"));
            return true;
        }

        @Override
        public boolean handleResponse(MessageContext synCtx) {
            return true;
        }
    }

    private static String policy(FailoverConfigs configs) {
        return PolicyTemplate.render(TestDeployment.modelFailoverTemplate(), configs.attributes());
    }

    /** Policies around a slow upload, and what they should have seen. */
    private enum Around {
        NOTHING("@"),
        A_FILTER("<filter xpath=\"true()\"><then>@" + probe("then") + "</then></filter>"),
        ANOTHER_FILTER(
                "<filter xpath=\"false()\"><then/><else>"
                        + "@"
                        + probe("else")
                        + "</else></filter>"),
        A_SWITCH(
                "<switch source=\"string('x')\"><case regex=\"x\">@"
                        + probe("case")
                        + "</case><default>"
                        + probe("no")
                        + "</default></switch>"),
        LISTS_IN_LISTS(
                "<switch source=\"string('x')\"><case regex=\"y\"/><default>"
                        + "<filter xpath=\"true()\"><then>@"
                        + probe("inner")
                        + "</then></filter>"
                        + probe("outer")
                        + "</default></switch>"),
        SOMETHING_UNKNOWN("<in>@" + probe("in") + "</in>");

        final String xml;

        Around(String xml) {
            this.xml = xml;
        }

        private static String probe(String label) {
            return ProbePolicy.xml(label);
        }

        List<String> expected() {
            return switch (this) {
                case NOTHING -> List.of("before", "after");
                case A_FILTER -> List.of("before", "then", "after");
                case ANOTHER_FILTER -> List.of("before", "else", "after");
                case A_SWITCH -> List.of("before", "case", "after");
                case LISTS_IN_LISTS -> List.of("before", "inner", "outer", "after");
                case SOMETHING_UNKNOWN -> List.of("before", "in", "after");
            };
        }
    }

    private static List<String> seen() {
        return ProbePolicy.SEEN.stream()
                .map(one -> one.get("label").toString())
                .collect(Collectors.toList());
    }

    private TestDeployment withHandlers() {
        return api(standard, target)
                .handler(Seen.class.getName(), Map.of())
                .handler(KeyTypeHandler.class.getName(), Map.of())
                .handler(ExtensionHandler.class.getName(), Map.of())
                .handler(Seen.class.getName(), Map.of());
    }

    private static TestDeployment around(TestDeployment api, Around around, String policies) {
        return api.policy(ProbePolicy.xml("before"))
                .policy(around.xml.replace("@", policies))
                .policy(ProbePolicy.xml("after"));
    }

    @ParameterizedTest
    @CsvSource({
        "NOTHING, 1, 100000",
        "NOTHING, 1, 1000",
        "NOTHING, 1, 3000000",
        "NOTHING, 2, 100000",
        "NOTHING, 2, 1000",
        "NOTHING, 3, 100000",
        "A_FILTER, 1, 100000",
        "ANOTHER_FILTER, 1, 100000",
        "A_SWITCH, 1, 100000",
        "A_SWITCH, 2, 100000",
        "LISTS_IN_LISTS, 2, 100000",
        "SOMETHING_UNKNOWN, 1, 100000",
        "SOMETHING_UNKNOWN, 2, 100000"
    })
    void aSlowRequestForAnotherModelGoesOnOnceAndByteForByte(
            Around around, int policies, int size) {
        String xml = policy(failover());
        for (int i = 1; i < policies; i++) {
            xml += policy(FailoverConfigs.target("other-" + i, "two"));
        }
        deploy(around(withHandlers(), around, xml));
        byte[] body = body("another-model", size);
        RawClient client = begin(client(), body);
        pause();

        RawClient.Answer answer = finish(client, body).answer();

        assertServedBy("standard", answer);
        assertArrayEquals(body, standard.only().body());
        assertEquals("/v1/chat/completions", standard.only().path());
        assertEquals(around.expected(), seen());
        assertEquals(2, Seen.REQUESTS.size(), "each handler once: " + Seen.REQUESTS);
        assertEquals(1, Seen.REQUESTS.stream().distinct().count(), Seen.REQUESTS.toString());
        Object handlers = ProbePolicy.SEEN.get(0).get("fault handlers");
        ProbePolicy.SEEN.forEach(one -> assertEquals(handlers, one.get("fault handlers")));

        assertServedBy("target", client.post(chat("gpt-4o")).answer());
        assertServedBy("standard", client.post(chat("another-model")).answer());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aSlowRequestForTheTargetIsServed(int policies) {
        TestDeployment api = api(standard, target);
        for (int i = 1; i < policies; i++) {
            api.failover(FailoverConfigs.target("other-" + i, "one").attributes());
        }
        deploy(api.failover(failover().attributes()));
        byte[] body = body("gpt-4o", 200_000);
        RawClient client = begin(client(), body);
        pause();

        assertServedBy("target", finish(client, body).answer());

        assertArrayEquals(body, target.only().body());
        assertServedBy("target", client.post(chat("gpt-4o")).answer());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aPolicyThatFailsBehindASlowRequestIsAnsweredByTheFaultSequence(boolean slow) {
        String failing =
                ProbePolicy.xml("failing")
                        .replace(
                                "</class>",
                                "<property name=\"failure\" value=\"no luck\"/></class>");
        deploy(api(failover()).policy(failing));
        byte[] body = body("another-model", 100_000);
        RawClient client = begin(client(), body);
        if (slow) {
            pause();
        }

        RawClient.Answer answer = finish(client, body).answer();

        assertEquals(500, answer.status(), answer.text());
        assertTrue(answer.text().contains("Runtime Error"), answer.text());
        assertEquals(1, ProbePolicy.SEEN.size());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aPolicyThatDropsASlowRequestIsAnsweredAsWithoutTheWait(boolean slow) {
        deploy(api(failover()).policy("<drop/>"));
        byte[] body = body("another-model", 100_000);
        RawClient client = begin(client(), body);
        if (slow) {
            pause();
        }

        assertEquals(202, finish(client, body).readHead().status());
    }

    @Test
    void aSlowRequestThatIsNoJsonIsA400() {
        deploy(api(failover()));
        byte[] body = body("gpt-4o", 100_000);
        body[body.length - 1] = ',';
        RawClient client = begin(client(), body);
        pause();

        RawClient.Answer answer = finish(client, body).answer();

        assertEquals(400, answer.status(), answer.text());
        assertEquals(List.of(), target.calls());
    }

    @Test
    void aSlowClientThatExpects100ContinueIsServed() {
        deploy(api(failover()));
        byte[] body = body("gpt-4o", 100_000);
        RawClient client =
                client().send(
                                RawClient.head("Expect", "100-continue")
                                        + "Content-Length: "
                                        + body.length
                                        + "\n\n");
        assertEquals(100, client.readHead().status());
        pause();
        client.send(Arrays.copyOf(body, body.length / 2));
        pause();

        assertServedBy("target", finish(client, body).answer());
        assertServedBy("target", client.post(chat("gpt-4o")).answer());
    }

    @Test
    void aSlowClientThatPipelinesIsAnswered() {
        deploy(api(failover()));
        byte[] body = body("another-model", 100_000);
        RawClient client = begin(client(), body);
        pause();

        finish(client, body).post(chat("another-model"));

        assertServedBy("standard", client.answer());
        assertServedBy("standard", client.answer());
    }

    @Test
    void aSlowRequestOutlivesItsApi() {
        deploy(api(failover()));
        byte[] body = body("gpt-4o", 100_000);
        RawClient client = begin(client(), body);
        pause();

        gateway.redeploy();

        assertServedBy("target", finish(client, body).answer());
    }

    // Limits

    @ParameterizedTest
    @CsvSource({"1024, NOTHING", "100000, NOTHING", "1024, SOMETHING_UNKNOWN"})
    void anEndlessBodyIsA413AndTheEndOfTheConnection(int limit, Around around) {
        String xml = policy(failover().attribute("maxRequestBody", String.valueOf(limit)));
        deploy(around(api(standard, target), around, xml));
        RawClient client = client().send(RawClient.head() + "Transfer-Encoding: chunked\n\n");
        byte[] chunk = ("2000\r\n" + "x".repeat(0x2000) + "\r\n").getBytes();
        long[] sent = {0};
        Thread sender =
                new Thread(
                        () -> {
                            try {
                                while (sent[0] < 20L << 30) {
                                    client.send(chunk);
                                    sent[0] += 0x2000;
                                }
                            } catch (AssertionError e) {
                                // The gateway has had enough.
                            }
                        });
        sender.start();

        long started = System.nanoTime();
        RawClient.Head answer = client.readHead();

        long millis = (System.nanoTime() - started) / 1_000_000;
        assertEquals(413, answer.status());
        assertTrue(millis < 5_000, "that took " + millis + " ms");
        assertEquals("close", answer.header("Connection").toLowerCase());
        Until.holds("the client can't send any more", () -> !sender.isAlive());
    }

    @Test
    void anAnnouncedLengthOverTheLimitIsA413WithoutTheBody() {
        deploy(api(failover().attribute("maxRequestBody", "1000")));
        RawClient client = client().send(RawClient.head() + "Content-Length: 2000000000\n\n");

        RawClient.Answer answer = client.answer();

        assertEquals(413, answer.status(), answer.text());
        assertTrue(answer.text().contains("1000"), answer.text());
        assertEnded(client, answer);
    }

    @ParameterizedTest
    @CsvSource({"NOTHING, 0", "NOTHING, 1", "NOTHING, 50000", "SOMETHING_UNKNOWN, 50000"})
    void aSilentClientIsA408AndTheEndOfTheConnection(Around around, int sent) {
        String xml = policy(failover().attribute("uploadTimeout", "300ms"));
        deploy(around(api(standard, target), around, xml));
        long started = System.nanoTime();
        RawClient client =
                client().send(RawClient.head() + "Content-Length: 100000\n\n")
                        .send(Arrays.copyOf(body("gpt-4o", 100_000), sent));

        RawClient.Answer answer = client.answer();

        assertEquals(408, answer.status(), answer.text());
        long millis = (System.nanoTime() - started) / 1_000_000;
        assertTrue(millis >= 300 && millis < 3_000, "after " + millis + " ms");
        assertEnded(client, answer);
    }

    @ParameterizedTest
    @ValueSource(strings = {"NOTHING", "SOMETHING_UNKNOWN"})
    void aClientThatDripsIsA408(Around around) {
        String xml = policy(failover().attribute("uploadTimeout", "500ms"));
        deploy(around(api(standard, target), around, xml));
        RawClient client = client().send(RawClient.head() + "Content-Length: 100000\n\n");
        Thread drip =
                new Thread(
                        () -> {
                            try {
                                for (int i = 0; i < 100; i++) {
                                    client.send("{".getBytes());
                                    Thread.sleep(100);
                                }
                            } catch (AssertionError | InterruptedException e) {
                                // It may.
                            }
                        });
        drip.start();

        assertEquals(408, client.readHead().status());
        drip.interrupt();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aClientThatLeavesInTheMiddleLeavesNothingBehind(boolean reset) {
        deployWithFewWorkers(api(failover()));
        byte[] body = body("gpt-4o", 100_000);
        List<RawClient> leaving = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            leaving.add(begin(client(), body));
        }
        Until.is("they are counted", NativeExecutor::heldBytes, held -> held >= 20 * 50_000);

        leaving.forEach(reset ? RawClient::reset : RawClient::leave);

        Until.is("nothing is counted", NativeExecutor::heldBytes, held -> held == 0);
        assertOthersAreServedAtOnce();
    }

    @Test
    void whatIsBeyondMaxMemoryIsA503ThatCanBeRepeated() {
        deploy(api(failover().attribute("maxMemory", "300000")));
        byte[] body = body("gpt-4o", 200_000);
        RawClient first = begin(client(), body);
        Until.is("it is counted", NativeExecutor::heldBytes, held -> held >= 100_000);

        RawClient second = begin(client(), body);
        RawClient.Answer refused = second.answer();

        assertEquals(503, refused.status(), refused.text());
        assertEquals("1", refused.header("Retry-After"));
        assertEnded(second, refused);
        first.reset();
        Until.is("nothing is counted", NativeExecutor::heldBytes, held -> held == 0);
        assertServedBy("target", ask(chat("gpt-4o")));
    }

    /** Bodies that are passed on count until their reader has them. */
    @Test
    void aPassedOnBodyCountsUntilItIsRead() {
        deploy(api(failover()));
        byte[] body = body("another-model", 3_000_000);
        RawClient client = begin(client(), body);
        Until.is("half of it is held", NativeExecutor::heldBytes, h -> h >= body.length / 2);

        assertServedBy("standard", finish(client, body).answer());
    }

    @Test
    void whereAWorkerHasToWaitOnlyHalfOfThemDo() {
        deployWithFewWorkers(
                around(api(standard, target), Around.SOMETHING_UNKNOWN, policy(failover())));
        byte[] body = body("gpt-4o", 100_000);

        List<RawClient> waiting = new ArrayList<>();
        for (int i = 0; i < WORKERS / 2; i++) {
            waiting.add(begin(client(), body));
        }
        pause();
        RawClient tooMany = begin(client(), body);
        RawClient.Answer refused = tooMany.answer();

        assertEquals(503, refused.status(), refused.text());
        assertEquals("1", refused.header("Retry-After"));
        assertEnded(tooMany, refused);
        assertServedBy("target", ask(chat("gpt-4o")));
        waiting.forEach(client -> assertServedBy("target", finish(client, body).answer()));
    }
}
