package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.executor.Executor;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.ThisProcess;
import org.modelfailover.kit.Until;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** The executor's own end, with calls under way and without, and its threads' ends. */
class ExecutorEndTest extends GatewayTest {
    private ProviderProcess provider;

    @BeforeEach
    void providers() {
        provider = provider("target");
    }

    @Test
    void aPolicyThatIsDeployedAfterTheExecutorWasShutDownWorks() {
        deploy(api(provider), FailoverConfigs.target("gpt-4o", "one"));
        assertServedBy("target", ask(chat("gpt-4o")));

        for (int i = 0; i < 3; i++) {
            Executor.shutDown();
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
                Until.is("the call is under way", Executor::openCalls, calls -> calls == 1);
                Executor.keepThreads(false);

                RawClient.Answer answer = client.answer();
                assertServedBy("target", answer);
                assertTrue(answer.text().endsWith("data: [DONE]\n\n"), answer.text());
                client.close();
                Until.holds(
                        "the threads end",
                        () -> !ThisProcess.threads().containsKey("model-failover"));
                assertServedBy("target", ask(chat(slow)));
                Until.holds(
                        "the threads end",
                        () -> !ThisProcess.threads().containsKey("model-failover"));
                if (i == 1) {
                    files = ThisProcess.files();
                }
            }
            long most = files + 3;
            Until.is("open files", ThisProcess::files, now -> now <= most);
        } finally {
            Executor.keepThreads(true);
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

        Executor.shutDown();

        assertEquals(0, Executor.openCalls());
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
            Executor.shutDown();
        }
        over.set(true);
        for (Thread client : clients) {
            client.join();
        }
        assertEquals(List.of(), List.copyOf(hung), "of " + asked + " requests");
    }
}
