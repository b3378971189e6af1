package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.apache.synapse.MessageContext;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.rest.Handler;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.executor.Executor;
import org.modelfailover.gateway.host.ExtensionHandler;
import org.modelfailover.gateway.host.KeyTypeHandler;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;

/**
 * Clients that are slow to send cost the others nothing: no worker, and no more memory than what
 * they have sent; and they get what they would have got.
 */
class UploadsTest extends SlowClients {
    @BeforeEach
    void forget() {
        ProbePolicy.forget();
        Seen.REQUESTS.clear();
    }

    private static long usedHeap() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

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
                Executor.bufferedBytes() < 300 << 10,
                "what is counted grows with what has come: " + Executor.bufferedBytes());
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
}
