package org.modelfailover.apimanager;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.executor.Executor;
import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.AnswerPolicies;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.ThisProcess;
import org.modelfailover.kit.Until;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Many answers at once, whole and streamed: API Manager counts each once, whatever its end. */
class CountedOnceTest extends HostGatewayTest {
    private static final String READS = AnswerPolicies.xml(AnswerPolicies.ReadsBody.class);

    private ProviderProcess provider;

    @BeforeEach
    void nothingPublishedYet() {
        EngineHandlers.PUBLISHED.clear();
        provider = provider("one");
    }

    private void deployFor(String responsePolicies, String... models) {
        TestDeployment api =
                api(AiProvider.OPENAI).endpoint("one", provider.url()).policy(EngineHandlers.xml());
        if (!responsePolicies.isEmpty()) {
            api.responsePolicy(responsePolicies);
        }
        for (String model : models) {
            api.failover(FailoverConfigs.target(model, "one").attributes());
        }
        deploy(api);
    }

    private static void inParallel(int clients, Callable<Void> work) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(clients);
        try {
            List<Future<Void>> all = new ArrayList<>();
            for (int i = 0; i < clients; i++) {
                all.add(threads.submit(work));
            }
            for (Future<Void> one : all) {
                one.get();
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private static void assertCounted(int answers, int streams) {
        Until.is("answers counted", () -> CountedTokens.all().size(), n -> n >= answers);
        Until.is("streams published", EngineHandlers.PUBLISHED::size, n -> n >= streams);
        assertNoCallIsOpen();
        Until.holds("every worker is free", () -> ThisProcess.busyWorkers().isEmpty());
        assertEquals(answers, CountedTokens.all().size(), "counts of tokens");
        assertEquals(streams, EngineHandlers.PUBLISHED.size(), "events of streams");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void wholeAndStreamedOnConnectionsThatAreUsedAgain(boolean collected) throws Exception {
        String large = "gpt~tokens=3000";
        deployFor(collected ? READS : "", "gpt", large);

        inParallel(
                50,
                () -> {
                    RawClient client = client();
                    for (int i = 0; i < 4; i++) {
                        assertServedBy("one", client.post(chat("gpt")).answer());
                        assertServedBy("one", client.post(streamed("gpt")).answer());
                        assertServedBy("one", client.post(chat(large)).answer());
                    }
                    return null;
                });

        assertCounted(600, collected ? 0 : 200);
        assertEquals(600, AnswerRecorder.answers().size());
        for (CountedTokens one : CountedTokens.all()) {
            assertEquals(one.prompt() + one.completion(), one.total(), one.toString());
        }
    }

    /** When a client leaves its stream. */
    enum Leaves {
        AFTER_THE_HEAD {
            @Override
            void read(RawClient client) {
                client.readHead();
            }
        },
        IN_THE_MIDDLE {
            @Override
            void read(RawClient client) {
                client.readHead();
                client.readChunksUntil("Provider");
            }
        },
        AT_THE_LAST_BYTE {
            @Override
            void read(RawClient client) {
                client.readHead();
                client.readChunksUntil("[DONE]");
            }
        };

        abstract void read(RawClient client);
    }

    @ParameterizedTest
    @EnumSource
    void streamsWhoseClientsLeave(Leaves when) throws Exception {
        String model = "gpt~tokens=30~interval=5ms";
        deployFor("", model);

        inParallel(
                100,
                () -> {
                    RawClient client = client().post(streamed(model));
                    when.read(client);
                    client.reset();
                    return null;
                });

        assertCounted(100, 100);
    }

    private void beginFifty(String model) throws Exception {
        inParallel(
                50,
                () -> {
                    client().post(streamed(model)).readHead();
                    return null;
                });
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt~tokens=30~cut=5", "gpt~tokens=30~interval=10ms"})
    void streamsThatBreakOrOutliveTheirRevision(String model) throws Exception {
        deployFor("", model);

        beginFifty(model);
        gateway.redeploy();

        assertCounted(50, 50);
    }

    @Test
    void streamsThatTheExecutorEnds() throws Exception {
        String model = "gpt~tokens=300~interval=20ms";
        deployFor("", model);
        beginFifty(model);

        Executor.shutDown();

        assertCounted(50, 50);
    }

    @Test
    void streamsThatTheExecutorEndsWhileTheyAreCollected() throws Exception {
        String model = "gpt~tokens=3000~interval=20ms";
        deployFor(READS, model);
        List<RawClient> clients = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            clients.add(client().post(streamed(model)));
        }
        Until.is("all under way", provider::calls, calls -> calls.size() == 50);

        // Many chunks of each: all of them have begun.
        Until.is("collected", Executor::bufferedBytes, held -> held > 50 * 16_000);

        Executor.shutDown();

        for (RawClient client : clients) {
            assertEquals(503, client.answer().status(), "nothing of it has been sent");
        }
        assertCounted(50, 0);
    }
}
