package org.modelfailover.synapse.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.modelfailover.executor.Executor;
import org.modelfailover.executor.Policy;
import org.modelfailover.synapse.endpoint.Endpoints;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CyclicBarrier;

/** Whoever has acquired an API finds its handle open; the last one closes it, once. */
class AttachedApiTest {
    private static final int ROUNDS = 1_000;
    private static final int USERS = 4;

    /** Of each user in a round; without a limit they could keep it open between them for ever. */
    private static final int USES = 20;

    private static final String CONFIGURATION =
            "{\"production\":{\"targetModel\":{\"model\":\"m\",\"endpointId\":\"one\"}}}";

    private int base;
    private Policy policy;

    @BeforeEach
    void open() {
        base = Executor.openPolicies();
        policy = new Policy(CONFIGURATION, "");
    }

    @AfterEach
    void everythingIsClosed() {
        policy.close();
        assertEquals(base, Executor.openPolicies());
    }

    private AttachedApi attached() {
        return new AttachedApi(
                policy,
                "t",
                "Attached",
                "1",
                new Endpoints.Sections(policy, "Attached", "1"),
                AiProvider.of(null),
                Set.of());
    }

    @Test
    void theLastOfAllUsersClosesIt() {
        AttachedApi api = attached();
        assertTrue(api.acquire());
        assertTrue(api.acquire());
        for (int i = 0; i < 3; i++) {
            assertEquals(0, api.policy.diagnostics().length);
            api.release();
        }
        assertFalse(api.acquire(), "nobody may use it any more");
        assertThrows(IllegalStateException.class, () -> api.policy.diagnostics());
    }

    @Test
    void inWhateverOrderTheyComeAndGoNobodyFindsItClosed() throws Exception {
        Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
        CyclicBarrier begin = new CyclicBarrier(USERS + 1);
        CyclicBarrier end = new CyclicBarrier(USERS + 1);
        AttachedApi[] shared = new AttachedApi[1];
        List<Thread> users = new ArrayList<>();
        for (int user = 0; user < USERS; user++) {
            Thread thread =
                    new Thread(
                            () -> {
                                try {
                                    for (int round = 0; round < ROUNDS; round++) {
                                        begin.await();
                                        use(shared[0]);
                                        end.await();
                                    }
                                } catch (Exception e) {
                                    failures.add(e);
                                    end.reset();
                                }
                            });
            thread.start();
            users.add(thread);
        }
        for (int round = 0; round < ROUNDS; round++) {
            shared[0] = attached();
            begin.await();
            for (int i = 0; i < round % 200; i++) {
                Thread.onSpinWait();
            }
            shared[0].release();
            end.await();
            assertEquals(base + 1, Executor.openPolicies(), "after round " + round);
        }
        for (Thread user : users) {
            user.join();
        }
        assertEquals(List.of(), List.copyOf(failures));
    }

    private static void use(AttachedApi api) {
        for (int i = 0; i < USES && api.acquire(); i++) {
            api.policy.diagnostics();
            api.release();
        }
    }
}
