package org.modelfailover.synapse.engine;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The answers of an API on their way to the transport's workers.
 *
 * <p>To wake a worker costs more than most answers do, so one worker takes one answer after the
 * other while there are any. Where the API's response flow takes its time, each answer has a worker
 * of its own, as in the engine itself: none waits for another for longer than it takes to notice.
 */
public final class Answers {
    /** A response flow that takes longer waits for something. */
    private static final long SLOW_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** How long that is remembered. */
    private static final long REMEMBERED_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** So many answers may wait for a worker before there is another one. */
    private static final int FEW = 8;

    private final Queue<Answer> waiting = new ConcurrentLinkedQueue<>();
    private final AtomicInteger length = new AtomicInteger();
    private final AtomicInteger workers = new AtomicInteger();
    private final AtomicInteger coming = new AtomicInteger();
    private final AtomicBoolean watched = new AtomicBoolean();

    /** When a worker took one last. */
    private volatile long taken = System.nanoTime();

    /** How long they take, in nanoseconds: a mean of the last ones. */
    private volatile long usual;

    /** Until when each has a worker of its own. */
    private volatile long slowUntil = System.nanoTime();

    /** Finds a worker. */
    public interface Pool {
        /**
         * @param otherwise is run when there is none
         */
        void run(Runnable work, Runnable otherwise);
    }

    private static final class Answer {
        final Pool pool;
        final Runnable work;
        final Runnable otherwise;

        Answer(Pool pool, Runnable work, Runnable otherwise) {
            this.pool = pool;
            this.work = work;
            this.otherwise = otherwise;
        }
    }

    /**
     * Runs something on one of them.
     *
     * @param work throws nothing
     * @param otherwise is run when there is no worker
     */
    public void run(Pool pool, Runnable work, Runnable otherwise) {
        if (slowUntil - System.nanoTime() > 0) {
            pool.run(() -> timed(work), otherwise);
            return;
        }
        Answer answer = new Answer(pool, work, otherwise);
        waiting.add(answer);
        int many = length.incrementAndGet();
        int working = workers.get();
        if (working == 0 ? workers.compareAndSet(0, 1) : many > working * FEW && oneMore(working)) {
            start(answer);
        } else if (watched.compareAndSet(false, true)) {
            InFlight.add(new Watch());
        }
    }

    private boolean oneMore(int working) {
        return workers.compareAndSet(working, working + 1);
    }

    private void start(Answer answer) {
        coming.incrementAndGet();
        answer.pool.run(this::takeAll, this::refuseAll);
    }

    private void takeAll() {
        coming.decrementAndGet();
        do {
            Answer next = next();
            while (next != null) {
                timed(next.work);
                next = next();
            }
            workers.decrementAndGet();
            // What was added before that found a worker here.
        } while (!waiting.isEmpty() && workers.compareAndSet(0, 1));
    }

    private Answer next() {
        Answer next = waiting.poll();
        if (next != null) {
            length.decrementAndGet();
        }
        return next;
    }

    private void timed(Runnable work) {
        long began = System.nanoTime();
        taken = began;
        work.run();
        long ended = System.nanoTime();
        // Racy, which does no harm. Of many, because any one can have been interrupted.
        long mean = usual + (ended - began - usual) / 32;
        usual = mean;
        if (mean > SLOW_NANOS) {
            slowUntil = ended + REMEMBERED_NANOS;
        }
    }

    private void refuseAll() {
        coming.decrementAndGet();
        workers.decrementAndGet();
        for (Answer next = next(); next != null; next = next()) {
            next.otherwise.run();
        }
    }

    /** Sees to it that nothing waits behind an answer whose flow does not go on. */
    private final class Watch implements InFlight.Watched {
        private final long started = System.nanoTime();

        @Override
        public long started() {
            return started;
        }

        @Override
        public boolean check() {
            Answer first = waiting.peek();
            long now = System.nanoTime();
            // Where the pool itself is stuck, more would only wait in it too.
            if (first != null && now - taken > SLOW_NANOS && coming.get() == 0) {
                // One for each: those that are stuck may stay so.
                for (int i = length.get(); i > 0; i--) {
                    workers.incrementAndGet();
                    start(first);
                }
            }
            watched.set(false);
            if (!waiting.isEmpty() && watched.compareAndSet(false, true)) {
                InFlight.add(new Watch());
            }
            return true;
        }
    }
}
