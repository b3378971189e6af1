package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.modelfailover.executor.Executor;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.Until;

import java.util.Arrays;
import java.util.List;

/** Tests with clients that are slow to send; after each no body may be counted. */
abstract class SlowClients extends TargetElsewhere {
    static final int WORKERS = 4;

    /** Longer than anybody waits for a request that is still coming. */
    static final int A_WHILE = 150;

    @AfterEach
    void nothingIsHeld() {
        Until.is("no body is counted any more", Executor::bufferedBytes, held -> held == 0);
    }

    /** The policy's target is the endpoint {@code two}; {@code one} is the API's default. */
    static FailoverConfigs failover() {
        return FailoverConfigs.target("gpt-4o", "two");
    }

    void deployWithFewWorkers(TestDeployment deployment) {
        System.setProperty("worker_pool_size_core", String.valueOf(WORKERS));
        System.setProperty("worker_pool_size_max", String.valueOf(WORKERS));
        deploy(deployment);
    }

    @AfterEach
    void manyWorkers() {
        System.clearProperty("worker_pool_size_core");
        System.clearProperty("worker_pool_size_max");
    }

    final TestDeployment api(FailoverConfigs configs) {
        return api(standard, target).failover(configs.attributes());
    }

    static byte[] body(String model, int size) {
        String start =
                "{\"model\":\"" + model + "\",\"messages\":[{\"role\":\"user\",\"content\":\"";
        StringBuilder body = new StringBuilder(start);
        for (int i = 0; body.length() < size - 4; i++) {
            body.append((char) ('a' + i % 26));
        }
        return body.append("\"}]}").toString().getBytes();
    }

    /** Sends the head and the first half of a body. */
    static RawClient begin(RawClient client, byte[] body) {
        client.send(RawClient.head() + "Content-Length: " + body.length + "\n\n");
        return client.send(Arrays.copyOf(body, body.length / 2));
    }

    static RawClient finish(RawClient client, byte[] body) {
        return client.send(Arrays.copyOfRange(body, body.length / 2, body.length));
    }

    static void pause() {
        try {
            Thread.sleep(A_WHILE);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    void assertOthersAreServedAtOnce() {
        for (String model : List.of("gpt-4o", "another-model")) {
            long started = System.nanoTime();
            assertServedBy(model.equals("gpt-4o") ? "target" : "standard", ask(chat(model)));
            long millis = (System.nanoTime() - started) / 1_000_000;
            assertTrue(millis < 2_000, "another client waited for " + millis + " ms");
        }
    }

    static void assertEnded(RawClient client, RawClient.Answer answer) {
        assertEquals("close", answer.header("Connection").toLowerCase());
        assertTrue(client.isClosed(), "Connection: close was announced");
    }

    static String policy(FailoverConfigs configs) {
        return PolicyTemplate.render(TestDeployment.modelFailoverTemplate(), configs.attributes());
    }

    /** Policies around a slow upload, and what they should have seen. */
    enum Around {
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

    static TestDeployment around(TestDeployment api, Around around, String policies) {
        return api.policy(ProbePolicy.xml("before"))
                .policy(around.xml.replace("@", policies))
                .policy(ProbePolicy.xml("after"));
    }
}
