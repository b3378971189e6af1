package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.executor.Executor;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.Until;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Clients that send too much, or nothing for too long, and more of them than there is room for. */
class UploadLimitsTest extends SlowClients {
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
        Until.is("they are counted", Executor::bufferedBytes, held -> held >= 20 * 50_000);

        leaving.forEach(reset ? RawClient::reset : RawClient::leave);

        Until.is("nothing is counted", Executor::bufferedBytes, held -> held == 0);
        assertOthersAreServedAtOnce();
    }

    @Test
    void whatIsBeyondMaxMemoryIsA503ThatCanBeRepeated() {
        deploy(api(failover().attribute("maxMemory", "300000")));
        byte[] body = body("gpt-4o", 200_000);
        RawClient first = begin(client(), body);
        Until.is("it is counted", Executor::bufferedBytes, held -> held >= 100_000);

        RawClient second = begin(client(), body);
        RawClient.Answer refused = second.answer();

        assertEquals(503, refused.status(), refused.text());
        assertEquals("1", refused.header("Retry-After"));
        assertEnded(second, refused);
        first.reset();
        Until.is("nothing is counted", Executor::bufferedBytes, held -> held == 0);
        assertServedBy("target", ask(chat("gpt-4o")));
    }

    /** Bodies that are passed on count until their reader has them. */
    @Test
    void aPassedOnBodyCountsUntilItIsRead() {
        deploy(api(failover()));
        byte[] body = body("another-model", 3_000_000);
        RawClient client = begin(client(), body);
        Until.is("half of it is held", Executor::bufferedBytes, h -> h >= body.length / 2);

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
