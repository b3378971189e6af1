package org.modelfailover.synapse.request;

import org.apache.axis2.context.MessageContext;
import org.apache.axis2.transport.RequestResponseTransport;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.synapse.FaultHandler;
import org.apache.synapse.SynapseException;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.modelfailover.synapse.engine.ClientConnection;
import org.modelfailover.synapse.engine.Engine;
import org.modelfailover.synapse.engine.Properties;
import org.modelfailover.synapse.engine.Workers;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Stack;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A request that is still coming, without a worker that waits for it. When it is there, or never
 * will be, a worker goes on with the mediator that stopped it and with all that comes after (see
 * {@code docs/uploads.md}).
 *
 * <p>It goes on with the request's own contexts, as if it had never stopped. They are not made for
 * two threads, and the worker that stopped is still leaving its stack; so nothing goes on before
 * that worker asks for the last time, whether it has to answer itself.
 */
final class Upload {
    private static final Log LOG = LogFactory.getLog(Upload.class);

    /** Goes on with a request whose body has ended. */
    interface Next {
        /**
         * @return whether the mediators that follow are to see the request
         * @throws SynapseException when the fault sequence is to answer
         */
        boolean mediate(RequestBody.State state);

        /** Called once when nobody needs the mediator for the request any more. */
        void over();
    }

    private final Axis2MessageContext synapse;
    private final MessageContext axis2;
    private final ClientConnection client;
    private final RequestBody body;
    private final RestOfFlow rest;
    private final Next next;
    private final ClassLoader loader = Thread.currentThread().getContextClassLoader();
    private final Object[] faultHandlers;
    private final Object transportControl;
    private final int socketTimeout;
    private final AtomicBoolean awoken = new AtomicBoolean();

    /** Whether the worker is out. */
    private final AtomicBoolean left = new AtomicBoolean();

    private final AtomicBoolean over = new AtomicBoolean();

    // The uploads' own thread's; a worker reads them that it starts.
    private RequestBody.State end;
    private long endedAt;

    /** Whether an answer could go out. */
    private boolean ready;

    private boolean settled;

    private Upload(
            Axis2MessageContext synapse,
            ClientConnection client,
            RequestBody body,
            RestOfFlow rest,
            Next next) {
        this.synapse = synapse;
        this.client = client;
        this.body = body;
        this.rest = rest;
        this.next = next;
        axis2 = synapse.getAxis2MessageContext();
        faultHandlers = synapse.getFaultStack().toArray();
        transportControl = axis2.getProperty(RequestResponseTransport.TRANSPORT_CONTROL);
        socketTimeout = client.connection.getSocketTimeout();
    }

    /**
     * Stops a request on its worker, which then has to leave without an answer.
     *
     * @param longest of the client's silences, in nanoseconds
     * @return whether it is stopped; if not, everything is as it was
     */
    static boolean suspend(
            Axis2MessageContext synapse,
            ClientConnection client,
            RequestBody body,
            long longest,
            RestOfFlow rest,
            Next next) {
        Upload upload = new Upload(synapse, client, body, rest, next);
        if (!upload.watchTheWorker()) {
            return false;
        }
        client.allowSilence(TimeUnit.NANOSECONDS.toMillis(longest));
        Engine.of().beforePause(synapse);
        upload.axis2.getOperationContext().setProperty(Properties.RESPONSE_WRITTEN, "SKIP");
        Uploads.add(upload);
        body.tell(upload::wake);
        // What came before there was somebody to tell.
        upload.wake();
        return true;
    }

    /** The last that a worker does with a request's context is to ask this one for its state. */
    private boolean watchTheWorker() {
        if (!(transportControl instanceof RequestResponseTransport)) {
            return false;
        }
        Thread worker = Thread.currentThread();
        Object watched =
                Proxy.newProxyInstance(
                        Upload.class.getClassLoader(),
                        new Class<?>[] {RequestResponseTransport.class},
                        (proxy, method, arguments) -> {
                            try {
                                Object result = method.invoke(transportControl, arguments);
                                if (method.getName().equals("getStatus")
                                        && Thread.currentThread() == worker
                                        && left.compareAndSet(false, true)) {
                                    Uploads.now(this::goOnWhenReady);
                                }
                                return result;
                            } catch (InvocationTargetException e) {
                                throw e.getCause();
                            }
                        });
        axis2.setProperty(RequestResponseTransport.TRANSPORT_CONTROL, watched);
        return true;
    }

    /** Called under the pipe's lock by the reactor. */
    private void wake() {
        if (!awoken.get() && awoken.compareAndSet(false, true)) {
            Uploads.now(this::take);
        }
    }

    // On the uploads' own thread

    private void take() {
        awoken.set(false);
        if (end != null) {
            return;
        }
        try {
            ended(body.take());
        } catch (IOException | RuntimeException | Error e) {
            LOG.error("A request could not be read", e);
            ended(RequestBody.State.GONE);
        }
        goOnWhenReady();
    }

    /** Looks at the connection and the clocks. */
    void check() {
        if (end == null) {
            ended(client.isCurrent() ? body.look() : RequestBody.State.GONE);
        }
        if (end == null) {
            // A client that breaks off is not told of.
            take();
        } else if (!ready && System.nanoTime() - endedAt > RequestBody.STOPPING) {
            client.endRequest();
            ready = true;
        } else if (!client.isCurrent()) {
            // A worker that an exception ended asks for nothing.
            settle();
        }
        goOnWhenReady();
    }

    private void ended(RequestBody.State state) {
        if (state == RequestBody.State.COMING) {
            return;
        }
        end = state;
        endedAt = System.nanoTime();
        body.tell(null);
        ready = state == RequestBody.State.GONE || body.isAtItsEnd();
        if (!ready) {
            body.stop();
        }
    }

    private void goOnWhenReady() {
        if (ready && left.get()) {
            settle();
        }
    }

    private void settle() {
        if (settled) {
            return;
        }
        settled = true;
        Uploads.remove(this);
        if (end == RequestBody.State.GONE || !client.isCurrent()) {
            gone();
        } else {
            Workers.run(client.configuration, loader, this::onWorker, this::giveUp);
        }
    }

    private void gone() {
        try {
            Engine.of().abandoned(synapse);
        } finally {
            giveUp();
        }
    }

    /** Ends the connection, and with it a request that nobody can answer. */
    private void giveUp() {
        letGo();
        if (client.isCurrent()) {
            try {
                client.connection.shutdown();
            } catch (IOException e) {
                LOG.debug("The connection has ended already", e);
            }
        }
    }

    private void letGo() {
        body.drop();
        if (over.compareAndSet(false, true)) {
            next.over();
        }
    }

    // On a worker

    private void onWorker() {
        try {
            Object correlation = axis2.getProperty(Properties.CORRELATION_ID);
            Engine.of().onWorker(client.request.getUri(), correlation, synapse, this::goOn);
        } catch (RuntimeException | Error e) {
            // In the engine it would end the worker, and the client would wait in vain.
            LOG.error("A request failed after it had come", e);
            giveUp();
        }
    }

    private void goOn() {
        if (!"SKIP".equals(axis2.getOperationContext().getProperty(Properties.RESPONSE_WRITTEN))) {
            // A handler has answered on the way out.
            letGo();
            return;
        }
        MessageContext.setCurrentMessageContext(axis2);
        try {
            restore();
            mediate();
            Engine.of().acknowledge(axis2);
        } finally {
            MessageContext.destroyCurrentMessageContext();
        }
    }

    private void restore() {
        axis2.getOperationContext().removeProperty(Properties.RESPONSE_WRITTEN);
        axis2.setProperty(RequestResponseTransport.TRANSPORT_CONTROL, transportControl);
        Engine.of().afterPause(synapse);
        if (client.connection.isOpen()) {
            client.connection.setSocketTimeout(socketTimeout);
        }
        // The worker took some of them off on its way out.
        Stack<FaultHandler> stack = synapse.getFaultStack();
        stack.clear();
        for (Object handler : faultHandlers) {
            stack.push((FaultHandler) handler);
        }
    }

    /** As the engine does with a request that it has received. */
    private void mediate() {
        try {
            boolean goesOn;
            try {
                goesOn = next.mediate(end);
            } finally {
                letGo();
            }
            if (goesOn) {
                rest.mediate(synapse);
            }
        } catch (SynapseException e) {
            if (synapse.getFaultStack().isEmpty()) {
                LOG.error("A request failed, and no fault sequence is there to say so", e);
            } else {
                synapse.getFaultStack().pop().handleFault(synapse, e);
            }
        }
    }
}
