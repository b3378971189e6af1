package org.modelfailover.synapse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.modelfailover.executor.NativeExecutor;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CyclicBarrier;

/** Whoever has acquired an attachment finds its handle open; the last one closes it, once. */
class AttachmentTest {
    private static final int ROUNDS = 1_000;
    private static final int USERS = 4;

    /** Of each user in a round; without a limit they could keep it open between them for ever. */
    private static final int USES = 20;

    private static final String CONFIGURATION =
            "{\"production\":{\"targetModel\":{\"model\":\"m\",\"endpointId\":\"one\"}}}";

    private int base;
    private long policy;

    @BeforeEach
    void open() {
        base = NativeExecutor.openPolicies();
        policy = NativeExecutor.open(CONFIGURATION, new String[0]);
    }

    @AfterEach
    void everythingIsClosed() {
        NativeExecutor.close(policy);
        assertEquals(base, NativeExecutor.openPolicies());
    }

    private Attachment attachment() {
        return new Attachment(
                policy,
                "t",
                "Attached",
                "1",
                AiProvider.of(null),
                Set.of(),
                new Candidates.Sections(policy, "Attached", "1"));
    }

    @Test
    void theLastOfAllUsersClosesIt() {
        Attachment attachment = attachment();
        assertTrue(attachment.acquire());
        assertTrue(attachment.acquire());
        for (int i = 0; i < 3; i++) {
            assertEquals(1, NativeExecutor.endpointIds(attachment.bound, true).length);
            attachment.release();
        }
        assertFalse(attachment.acquire(), "nobody may use it any more");
        assertThrows(
                IllegalStateException.class,
                () -> NativeExecutor.endpointIds(attachment.bound, true));
    }

    @Test
    void inWhateverOrderTheyComeAndGoNobodyFindsItClosed() throws Exception {
        Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
        CyclicBarrier begin = new CyclicBarrier(USERS + 1);
        CyclicBarrier end = new CyclicBarrier(USERS + 1);
        Attachment[] shared = new Attachment[1];
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
            shared[0] = attachment();
            begin.await();
            for (int i = 0; i < round % 200; i++) {
                Thread.onSpinWait();
            }
            shared[0].release();
            end.await();
            assertEquals(base + 1, NativeExecutor.openPolicies(), "after round " + round);
        }
        for (Thread user : users) {
            user.join();
        }
        assertEquals(List.of(), List.copyOf(failures));
    }

    private static void use(Attachment attachment) {
        for (int i = 0; i < USES && attachment.acquire(); i++) {
            NativeExecutor.endpointIds(attachment.bound, true);
            attachment.release();
        }
    }
}
