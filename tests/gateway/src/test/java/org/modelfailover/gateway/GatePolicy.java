package org.modelfailover.gateway;

import org.apache.synapse.MessageContext;
import org.apache.synapse.mediators.AbstractMediator;
import org.modelfailover.kit.Until;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A policy that holds requests back as long as a test wants. */
public final class GatePolicy extends AbstractMediator {
    private static final AtomicInteger WAITING = new AtomicInteger();

    private static volatile CountDownLatch gate = new CountDownLatch(0);

    static String xml() {
        return "<class name=\"" + GatePolicy.class.getName() + "\"/>";
    }

    static void shut() {
        WAITING.set(0);
        gate = new CountDownLatch(1);
    }

    static void open() {
        gate.countDown();
    }

    static void awaitRequests(int count) {
        Until.is(count + " requests are at the gate", WAITING::get, waiting -> waiting == count);
    }

    @Override
    public boolean mediate(MessageContext synCtx) {
        WAITING.incrementAndGet();
        try {
            if (!gate.await(10, TimeUnit.SECONDS)) {
                throw new IllegalStateException("nobody opened the gate");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return true;
    }

    @Override
    public boolean isContentAware() {
        return false;
    }
}
