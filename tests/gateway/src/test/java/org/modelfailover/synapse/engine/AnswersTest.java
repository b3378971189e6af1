package org.modelfailover.synapse.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** How answers come to workers. */
class AnswersTest {
    private final Answers answers = new Answers();
    private final List<String> done = new ArrayList<>();

    private void offer(Answers.Pool to, String name) {
        Runnable otherwise = () -> done.add("not " + name);
        answers.run(to, () -> done.add(name), otherwise);
    }

    @Test
    void whatComesWhileAWorkerIsOnItsWayNeedsNoOther() {
        List<Runnable> workers = new ArrayList<>();
        Answers.Pool pool = (work, otherwise) -> workers.add(work);
        offer(pool, "a");
        offer(pool, "b");
        offer(pool, "c");
        assertEquals(1, workers.size());
        workers.get(0).run();
        assertEquals(List.of("a", "b", "c"), done);
        offer(pool, "d");
        assertEquals(2, workers.size(), "the first one has left");
        workers.get(1).run();
    }

    @Test
    void manyThatWaitGetMoreWorkers() {
        List<Runnable> workers = new ArrayList<>();
        Answers.Pool pool = (work, otherwise) -> workers.add(work);
        for (int i = 0; i < 20; i++) {
            offer(pool, "");
        }
        assertEquals(3, workers.size(), "one for eight, and one that has begun");
        workers.forEach(Runnable::run);
        assertEquals(20, done.size());
    }

    @Test
    void aPoolWithoutAFreeWorkerIsNotAskedAgainAndAgain() throws InterruptedException {
        List<Runnable> workers = new CopyOnWriteArrayList<>();
        Answers.Pool pool = (work, otherwise) -> workers.add(work);
        offer(pool, "a");
        offer(pool, "b");
        Thread.sleep(100);
        assertEquals(1, workers.size());
        workers.get(0).run();
        assertEquals(List.of("a", "b"), done);
    }

    @Test
    void withoutAWorkerEachIsToldSo() {
        AtomicInteger left = new AtomicInteger(1);
        List<Runnable> workers = new ArrayList<>();
        Answers.Pool pool =
                (work, otherwise) -> {
                    if (left.getAndDecrement() > 0) {
                        workers.add(work);
                    } else {
                        otherwise.run();
                    }
                };
        offer(pool, "a");
        workers.get(0).run();
        offer(pool, "b");
        offer(pool, "c");
        assertEquals(List.of("a", "not b", "not c"), done);
    }

    @Test
    void whatWaitsBehindOneThatIsStuckGetsAWorker() throws Exception {
        Answers.Pool pool = (work, otherwise) -> new Thread(work).start();
        CountDownLatch first = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        CountDownLatch others = new CountDownLatch(3);
        Runnable stuck =
                () -> {
                    first.countDown();
                    try {
                        release.await();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                };
        try {
            answers.run(pool, stuck, () -> {});
            assertTrue(first.await(10, TimeUnit.SECONDS));
            answers.run(pool, stuck, () -> {});
            for (int i = 0; i < 3; i++) {
                answers.run(pool, others::countDown, () -> {});
            }
            assertTrue(others.await(10, TimeUnit.SECONDS), "two are stuck");
        } finally {
            release.countDown();
        }
    }

    @Test
    void whereTheFlowTakesItsTimeEachHasAWorkerOfItsOwn() throws Exception {
        List<Runnable> workers = new ArrayList<>();
        Answers.Pool pool = (work, otherwise) -> workers.add(work);
        Runnable slow =
                () -> {
                    try {
                        Thread.sleep(50);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                };
        answers.run(pool, slow, () -> {});
        workers.remove(0).run();
        for (int i = 0; i < 5; i++) {
            offer(pool, "");
        }
        assertEquals(5, workers.size());
        workers.forEach(Runnable::run);
        assertEquals(5, done.size());
    }
}
