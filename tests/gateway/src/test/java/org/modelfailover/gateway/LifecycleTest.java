package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.ThisProcess;
import org.modelfailover.kit.Until;

import java.io.IOException;
import java.util.Map;

/** Redeploying the policy, with calls under way and without. */
class LifecycleTest extends GatewayTest {
    private ProviderProcess provider;
    private ProviderProcess second;

    @BeforeEach
    void providers() {
        provider = provider("target");
        second = provider("second");
    }

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
        Map<String, Long> threads = ThisProcess.threads();
        long memory = ThisProcess.memory();

        redeploy(200);

        Map<String, Long> more = ThisProcess.threads();
        more.replaceAll((name, count) -> count - threads.getOrDefault(name, 0L));
        more.values().removeIf(count -> count < 5);
        assertEquals(Map.of(), more, "threads that came with 200 redeployments");
        long grown = ThisProcess.memory() - memory >> 20;
        assertTrue(grown < 64, "200 redeployments cost " + grown + " MB");
    }

    private void redeploy(int times) {
        for (int i = 0; i < times; i++) {
            gateway.redeploy();
            assertServedBy("target", ask(i % 2 == 0 ? chat("gpt-4o") : streamed("gpt-4o")));
        }
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
}
