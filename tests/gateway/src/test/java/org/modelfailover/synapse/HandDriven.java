package org.modelfailover.synapse;

import org.apache.axis2.Constants;
import org.apache.axis2.transport.base.threads.WorkerPool;
import org.apache.synapse.MessageContext;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.mediators.AbstractMediator;
import org.apache.synapse.transport.passthru.Pipe;
import org.modelfailover.executor.Call;
import org.modelfailover.executor.Exchange;
import org.modelfailover.executor.Handles;
import org.modelfailover.kit.Until;
import org.modelfailover.synapse.answer.ClientExchange;
import org.modelfailover.synapse.answer.DetachedRequest;
import org.modelfailover.synapse.api.ResponsePolicies;
import org.modelfailover.synapse.endpoint.Endpoints;
import org.modelfailover.synapse.engine.Answers;
import org.modelfailover.synapse.engine.ClientConnection;
import org.modelfailover.synapse.engine.InFlight;
import org.modelfailover.synapse.engine.Properties;
import org.modelfailover.synapse.observation.Observation;
import org.modelfailover.synapse.request.Bodies;
import org.modelfailover.synapse.request.RequestBody;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A policy that takes over every request as the Model Failover policy does, and lets the test say
 * what the executor would: for what has to come in an order that a provider can't be made to keep.
 * Its one candidate is the endpoint {@code one}.
 */
public final class HandDriven extends AbstractMediator {
    private static final BlockingQueue<Exchange> TAKEN = new LinkedBlockingQueue<>();

    private static volatile WorkerPool workers;

    private final ResponsePolicies policies = new ResponsePolicies();

    /** The exchange of the next request. */
    public static Exchange next() throws InterruptedException {
        Exchange next = TAKEN.poll(10, TimeUnit.SECONDS);
        if (next == null) {
            throw new AssertionError("no request came within 10 s");
        }
        return next;
    }

    /** Workers that all have something to do, with a full queue. */
    public static final class BusyWorkers {
        private final CountDownLatch free = new CountDownLatch(1);
        private final AtomicInteger busy = new AtomicInteger();
        private final AtomicInteger given = new AtomicInteger();
        private final AtomicInteger done = new AtomicInteger();

        private void work() {
            busy.incrementAndGet();
            try {
                free.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            done.incrementAndGet();
        }

        private void occupy(int count) {
            boolean full = false;
            while (!full) {
                // One may still be on its way out of the request.
                boolean allBusy = busy.get() == count;
                try {
                    workers.execute(this::work);
                    given.incrementAndGet();
                } catch (RejectedExecutionException e) {
                    full = allBusy;
                    Thread.onSpinWait();
                }
            }
        }

        /** Lets them go, and waits until there is room again: until then a request is refused. */
        public void free() {
            free.countDown();
            Until.is("the workers' tasks left", () -> given.get() - done.get(), left -> left == 0);
        }
    }

    /**
     * Gives every worker something to do, and fills their queue.
     *
     * @param count how many workers there are
     */
    public static BusyWorkers occupyWorkers(int count) {
        BusyWorkers busy = new BusyWorkers();
        busy.occupy(count);
        return busy;
    }

    public static String xml() {
        return "<class name=\"" + HandDriven.class.getName() + "\"/>";
    }

    @Override
    public boolean mediate(MessageContext synCtx) {
        var axis2 = ((Axis2MessageContext) synCtx).getAxis2MessageContext();
        ClientConnection client = ClientConnection.of(axis2);
        workers = client.configuration.getWorkerPool();
        Bodies.take(client, (Pipe) axis2.getProperty(Properties.PIPE));
        axis2.setProperty(Properties.BUILDER_INVOKED, Boolean.TRUE);
        RequestBody.forget(axis2, client);
        Endpoints endpoints =
                new Endpoints(
                        (String) synCtx.getProperty(Properties.API_NAME),
                        (String) synCtx.getProperty(Properties.API_VERSION),
                        true,
                        new String[] {"one"});
        // A call that does not exist is cancelled without effect.
        Call call = Handles.call(0);
        DetachedRequest request = new DetachedRequest((Axis2MessageContext) synCtx, client.request);
        ClientExchange exchange =
                new ClientExchange(
                        call,
                        request,
                        endpoints,
                        client,
                        new Answers(),
                        60_000,
                        policies.needBody(
                                synCtx.getConfiguration(),
                                String.valueOf(synCtx.getProperty(Properties.REST_API))),
                        Observation.of(synCtx, call, request.correlation(), request.method));
        axis2.getOperationContext().setProperty(Constants.RESPONSE_WRITTEN, "SKIP");
        InFlight.add(exchange.client());
        TAKEN.add(exchange);
        return false;
    }

    @Override
    public boolean isContentAware() {
        return false;
    }
}
