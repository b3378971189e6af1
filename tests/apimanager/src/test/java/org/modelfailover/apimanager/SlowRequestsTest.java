package org.modelfailover.apimanager;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.wso2.carbon.apimgt.common.analytics.publishers.dto.enums.EventCategory;

import java.util.Arrays;

/**
 * A request that comes slowly passes API Manager's own handlers, the one that runs policies among
 * them, as one that comes at once.
 */
class SlowRequestsTest extends HostGatewayTest {
    private ProviderProcess one;

    private void deploy(boolean hostAiMediator) {
        one = provider("one");
        TestDeployment api =
                api(AiProvider.OPENAI)
                        .endpoint("one", one.url())
                        .asDefault()
                        .headerKey("Authorization", "Bearer sk-one");
        deploy(
                hostAiMediator ? api.hostAiMediator() : api,
                FailoverConfigs.target("gpt-4o", "one"));
    }

    private RawClient.Answer ask(byte[] body, boolean slowly) throws InterruptedException {
        RawClient client =
                client().send(RawClient.head() + "Content-Length: " + body.length + "\n\n")
                        .send(Arrays.copyOf(body, 20));
        if (slowly) {
            Thread.sleep(150);
        }
        return client.send(Arrays.copyOfRange(body, 20, body.length)).answer();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void oneForTheTargetIsServedAndCounted(boolean slowly) throws InterruptedException {
        deploy(false);

        assertServedBy("one", ask(chat("gpt-4o").getBytes(), slowly));

        assertEquals(EventCategory.SUCCESS, recorded().analytics().category());
        counted();
    }

    /** Else the tests here would show nothing of how a request goes on. */
    @Test
    void theyHoldNoWorker() throws InterruptedException {
        System.setProperty("worker_pool_size_core", "2");
        System.setProperty("worker_pool_size_max", "2");
        try {
            deploy(true);
        } finally {
            System.clearProperty("worker_pool_size_core");
            System.clearProperty("worker_pool_size_max");
        }
        for (int i = 0; i < 6; i++) {
            client().send(RawClient.head() + "Content-Length: 1000\n\n{");
        }

        assertServedBy("one", ask(chat("gpt-4o").getBytes(), true));
        assertServedBy("one", ask(chat("another-model").getBytes(), true));
    }

    @ParameterizedTest
    @CsvSource({"false, false", "true, false", "false, true", "true, true"})
    void oneForAnotherModelGoesTheHostsWay(boolean slowly, boolean hostAiMediator)
            throws InterruptedException {
        deploy(hostAiMediator);
        byte[] body = chat("another-model").getBytes();

        RawClient.Answer answer = ask(body, slowly);

        assertServedBy("one", answer);
        assertNull(answer.header("x-failover-attempts"));
        assertArrayEquals(body, one.only().body());
        assertEquals("Bearer sk-one", one.only().header("Authorization"));
        assertEquals(200, recorded().status());
        if (hostAiMediator) {
            assertEquals("another-model", recorded().metadata().get("responseModel"));
            counted();
        }
    }
}
