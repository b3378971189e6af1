package org.modelfailover.synapse;

import org.apache.axis2.AxisFault;
import org.apache.axis2.context.MessageContext;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.http.HttpVersion;
import org.apache.http.nio.NHttpServerConnection;
import org.apache.http.nio.reactor.SocketAccessor;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.core.axis2.Axis2Sender;
import org.apache.synapse.rest.Handler;
import org.apache.synapse.transport.passthru.ProtocolState;
import org.apache.synapse.transport.passthru.SourceContext;
import org.apache.synapse.transport.passthru.SourceRequest;
import org.apache.synapse.transport.passthru.config.SourceConfiguration;
import org.modelfailover.executor.Exchange;
import org.modelfailover.executor.NativeExecutor;

import java.io.IOException;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * One client that waits for an answer: its connection, its request, and the pipe through which the
 * answer goes out.
 *
 * <p>The executor's threads only put bytes into the pipe. Everything that runs mediators (answers
 * on their way back, faults, credentials) goes to the transport's own workers.
 */
final class ClientExchange implements Exchange, InFlight.Watched {
    private static final Log LOG = LogFactory.getLog(ClientExchange.class);
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    /** The host's error code for an answer that broke off. */
    private static final int BROKEN = 101_500;

    /** Age in nanoseconds up to which it is made sure that the engine listens. */
    private static final long LISTEN_AGAIN = 2_000_000_000L;

    private final SuspendedRequest request;
    private final Candidates candidates;
    private final Log attemptLog;
    private final Source source;
    private final NHttpServerConnection connection;
    private final int socketTimeout;
    private final long longest;

    /** The handlers of an API that needs whole answers, for a stream that never becomes one. */
    private final List<Handler> handlersOfCollected;

    private final ClassLoader loader = Thread.currentThread().getContextClassLoader();
    private final long started = System.nanoTime();
    private final AtomicBoolean answered = new AtomicBoolean();
    private final AtomicBoolean over = new AtomicBoolean();
    private final AtomicBoolean failed = new AtomicBoolean();
    private final long call;
    private final Answer pipe;
    private volatile boolean waiting;
    private volatile Stream stream;

    /** The pipe of this exchange. */
    private final class Answer extends ResponsePipe {
        private final AtomicBoolean uncounted = new AtomicBoolean(true);

        Answer() {
            super(source.configuration);
        }

        @Override
        void drained() {
            if (waiting) {
                waiting = false;
                NativeExecutor.writable(call);
            }
        }

        @Override
        public void consumerError() {
            super.consumerError();
            if (connection.isOpen()
                    && SourceContext.getState(connection) != ProtocolState.RESPONSE_DONE
                    && uncounted.compareAndSet(true, false)) {
                Engine.of().unserved(source.configuration.getMetrics());
            }
            clientGone();
        }
    }

    /**
     * Suspends a request: from here on its worker may leave without an answer.
     *
     * @param call the native call
     * @param whole whether streams are collected, so that the client hears of one at its end
     * @param longest how long the client may have to wait for the next byte otherwise, in
     *     milliseconds
     */
    ClientExchange(
            long call,
            SuspendedRequest request,
            Candidates candidates,
            boolean whole,
            Source source,
            long longest,
            Log attemptLog) {
        this.call = call;
        this.request = request;
        this.candidates = candidates;
        this.attemptLog = attemptLog;
        this.source = source;
        connection = source.connection;
        pipe = new Answer();
        socketTimeout = connection.getSocketTimeout();
        this.longest = longest;
        if (whole) {
            handlersOfCollected = Engine.of().handlers(request.original());
            // A stream takes as long as it flows; the executor's clocks watch it.
            connection.setSocketTimeout(0);
        } else {
            handlersOfCollected = null;
            source.allowSilence(longest);
        }
        // Tells us through the pipe when the client goes away while it waits.
        SourceContext.get(connection).setWriter(pipe);
        Engine.of().watch(connection, this::clientGone);
    }

    /** Where a request came from. */
    static final class Source {
        final NHttpServerConnection connection;
        final SourceConfiguration configuration;
        final SourceRequest request;

        private Source(
                NHttpServerConnection connection,
                SourceConfiguration configuration,
                SourceRequest request) {
            this.connection = connection;
            this.configuration = configuration;
            this.request = request;
        }

        /**
         * Takes a request whose body has no end for a complete one; the connection ends with it.
         */
        void endRequest() {
            connection.suspendInput();
            SourceContext.updateState(connection, ProtocolState.REQUEST_DONE);
            SourceContext.get(connection).setShutDown(true);
        }

        /** Has the transport close the connection after no less than so many milliseconds. */
        void allowSilence(long longest) {
            long needed = Math.min(longest + 5_000, Integer.MAX_VALUE);
            int set = connection.getSocketTimeout();
            if (set != 0 && set < needed) {
                connection.setSocketTimeout((int) needed);
            }
        }

        /** Whether the connection is still at this request. */
        boolean isCurrent() {
            return connection.isOpen() && SourceContext.getRequest(connection) == request;
        }

        /** The client's connection, or null when the request came through another transport. */
        static Source of(MessageContext axis2) {
            Object connection = axis2.getProperty(Properties.SOURCE_CONNECTION);
            Object configuration = axis2.getProperty(Properties.SOURCE_CONFIGURATION);
            Object request = axis2.getProperty(Properties.SOURCE_REQUEST);
            return connection instanceof NHttpServerConnection
                            && configuration instanceof SourceConfiguration
                            && request instanceof SourceRequest
                    ? new Source(
                            (NHttpServerConnection) connection,
                            (SourceConfiguration) configuration,
                            (SourceRequest) request)
                    : null;
        }
    }

    /** Whether the client has left, or its answer is complete. */
    boolean isOver() {
        return over.get();
    }

    /** Takes the suspension back: the request goes on in its own thread after all. */
    void resume() {
        finish();
        SourceContext.get(connection).setWriter(null);
    }

    // Candidates

    @Override
    public void resolve(int candidate) {
        onWorker(
                () -> resolveHere(candidate),
                () -> NativeExecutor.unusable(call, "the gateway has no worker free"));
    }

    /** Finds a candidate's URL and credentials on the calling thread. */
    void resolveHere(int candidate) {
        try {
            Candidates.Target target = candidates.find(request.configuration(), candidate);
            String postfix = NativeExecutor.pathFor(call, request.postfix, candidate);
            OutgoingRequest outgoing =
                    OutgoingRequest.to(target, request, postfix, () -> NativeExecutor.body(call));
            NativeExecutor.resolved(
                    call, request.method, outgoing.url, outgoing.headers, target.hasCredentials());
        } catch (Candidates.Unusable e) {
            LOG.error(candidates.describe(candidate) + " can't be called: " + e.getMessage());
            NativeExecutor.unusable(call, e.getMessage());
        } catch (AxisFault | RuntimeException | Error e) {
            if (over.get()) {
                LOG.debug("The client left while a candidate was looked up", e);
                return;
            }
            // Whatever a mediator throws: the next candidate may still answer.
            LOG.error(candidates.describe(candidate) + " can't be given its credentials", e);
            NativeExecutor.unusable(call, "its credentials could not be applied");
        }
    }

    // The answer

    @Override
    public void answer(
            int candidate, int status, byte[] headers, String[] metadata, ByteBuffer body) {
        if (!answered.compareAndSet(false, true)) {
            return;
        }
        finish();
        try {
            if (body != null) {
                pipe.offerAll(body);
            }
        } catch (IOException e) {
            LOG.debug("The client went away", e);
            pipe.producerError();
        }
        respond(
                answer -> {
                    describe(answer, candidate);
                    Accounting.put(answer, metadata);
                    prepare(answer.getAxis2MessageContext(), status, headers, body != null);
                },
                null);
    }

    @Override
    public void begin(int candidate, int status, byte[] headers, String[] metadata) {
        if (!answered.compareAndSet(false, true)) {
            return;
        }
        boolean open = metadata == null && handlersOfCollected == null;
        if (handlersOfCollected != null) {
            connection.setSocketTimeout(socketTimeout);
            source.allowSilence(longest);
        }
        Stream begun = new Stream(Engine.of().handlers(request.original()));
        begun.counted.set(!open);
        stream = begun;
        respond(
                answer -> {
                    describe(answer, candidate);
                    prepare(answer.getAxis2MessageContext(), status, headers, true);
                    if (open) {
                        begun.analyticsHeld =
                                Accounting.hold(answer, Engine.of().synapseHandlers(answer));
                    } else {
                        Accounting.put(answer, metadata);
                    }
                },
                begun);
    }

    @Override
    public int data(ByteBuffer chunk) {
        int offered = chunk.remaining();
        if (over.get() || !connection.isOpen()) {
            return offered;
        }
        try {
            if (!pipe.offer(chunk, false)) {
                waiting = true;
                // Room that was made before `waiting` was set went unnoticed.
                if (pipe.offer(chunk, false)) {
                    waiting = false;
                }
            }
            int taken = offered - chunk.remaining();
            stream.length += taken;
            return taken;
        } catch (IOException e) {
            clientGone();
            return offered;
        }
    }

    @Override
    public void used(String[] metadata) {
        Stream ended = stream;
        if (ended == null) {
            // It was collected, and nothing of it is sent.
            ended = new Stream(handlersOfCollected);
            ended.head.complete(null);
            stream = ended;
        }
        ended.metadata = metadata;
        ended.hasSaidWhatItUsed = true;
        countIfDue();
    }

    @Override
    public void end() {
        if (finish()) {
            try {
                pipe.offer(NOTHING.duplicate(), true);
            } catch (IOException e) {
                LOG.debug("The client went away", e);
            }
        }
        countIfDue();
    }

    @Override
    public void abort() {
        close();
        finish();
        countIfDue();
    }

    /**
     * Lets the host count a stream, once, when it is known what it has used and its head is out.
     */
    private void countIfDue() {
        Stream ended = stream;
        if (ended != null && ended.hasSaidWhatItUsed && ended.counted.compareAndSet(false, true)) {
            ended.head.thenAccept(sent -> count(ended, sent));
        }
    }

    private void count(Stream ended, Axis2MessageContext sent) {
        Runnable counting = () -> countHere(ended, sent);
        onWorker(counting, () -> onThisWorker(counting));
    }

    private void countHere(Stream ended, Axis2MessageContext sent) {
        try {
            Axis2MessageContext context = request.ended(sent, ended.length);
            Accounting.put(context, ended.metadata);
            try {
                Accounting.count(context, ended.handlers);
            } finally {
                if (ended.analyticsHeld) {
                    Accounting.publish(context, Engine.of().synapseHandlers(context));
                }
            }
        } catch (AxisFault | ReflectiveOperationException | RuntimeException | Error e) {
            LOG.error("A streamed answer could not be counted", e);
        }
    }

    /** Sends an answer's head back through the API; its body is in the pipe, or will be. */
    private void respond(Consumer<Axis2MessageContext> preparation, Stream begun) {
        onWorker(
                () -> {
                    Axis2MessageContext answer = null;
                    try {
                        answer = request.answer();
                        preparation.accept(answer);
                        send(answer);
                    } catch (AxisFault | RuntimeException | Error e) {
                        LOG.error("The answer of a model could not be sent back", e);
                        insteadOf(answer);
                    }
                    if (!request.isAnswered()) {
                        LOG.error("No mediator of the API's response flow sent the answer");
                        close();
                    }
                    if (begun != null) {
                        begun.head.complete(answer);
                    }
                },
                () -> {
                    if (begun != null) {
                        begun.head.complete(null);
                    }
                    close();
                });
    }

    /** What the host wants to know of the candidate that an answer or a failure is about. */
    private void describe(Axis2MessageContext answer, int candidate) {
        if (candidate < 0) {
            return;
        }
        try {
            String address = candidates.find(request.configuration(), candidate).address;
            answer.setProperty(Properties.ENDPOINT_ADDRESS, address);
        } catch (Candidates.Unusable e) {
            LOG.debug("The candidate that answered is not deployed any more", e);
        }
    }

    private void prepare(MessageContext axis2, int status, byte[] headers, boolean body) {
        axis2.setProperty(Properties.HTTP_STATUS, status);
        String contentType = Headers.put(axis2, headers);
        if (contentType != null) {
            axis2.setProperty(Properties.CONTENT_TYPE, contentType);
            int parameters = contentType.indexOf(';');
            axis2.setProperty(
                    Properties.MESSAGE_TYPE,
                    (parameters < 0 ? contentType : contentType.substring(0, parameters)).trim());
        }
        if (body) {
            axis2.setProperty(Properties.PIPE, pipe);
            axis2.setProperty(Properties.BUILDER_INVOKED, Boolean.FALSE);
        } else {
            axis2.setProperty(Properties.NO_ENTITY_BODY, Boolean.TRUE);
        }
    }

    private void send(Axis2MessageContext answer) {
        // Not when the API was undeployed meanwhile: the engine would call the path unknown.
        if (answer.getProperty(Properties.RESOURCE) != null) {
            answer.getEnvironment().injectMessage(answer);
        } else {
            Axis2Sender.sendBack(answer);
        }
    }

    /** A handler or response policy threw: the fault sequence answers, if nothing was sent yet. */
    private void insteadOf(Axis2MessageContext answer) {
        NativeExecutor.cancel(call);
        finish();
        if (answer == null || request.isAnswered()) {
            close();
            return;
        }
        if (stream != null && stream.analyticsHeld) {
            // The failure that is sent instead is published as such.
            stream.analyticsHeld = false;
            Accounting.release(answer);
        }
        MessageContext axis2 = answer.getAxis2MessageContext();
        axis2.removeProperty(Properties.PIPE);
        SourceContext.get(connection).setWriter(null);
        fault(answer, 500, 0, "The response flow of the API failed", -1);
    }

    @Override
    public void fail(int candidate, int status, int code, String message, long retryAfter) {
        if (!answered.compareAndSet(false, true)) {
            // Too late to say so.
            abort();
            return;
        }
        finish();
        if (code == MaxMemory.CODE) {
            MaxMemory.refused();
        }
        fault(candidate, status, code, message, retryAfter);
    }

    /** Lets the fault sequence answer. */
    private void fault(int candidate, int status, int code, String message, long retryAfter) {
        onWorker(
                () -> {
                    SourceContext.get(connection).setWriter(null);
                    try {
                        Axis2MessageContext failure = request.failure();
                        describe(failure, candidate);
                        fault(failure, status, code, message, retryAfter);
                    } catch (AxisFault e) {
                        LOG.error("The fault sequence could not be run", e);
                    }
                    if (!request.isAnswered()) {
                        LOG.error("The fault sequence sent no answer");
                        close();
                    }
                },
                this::close);
    }

    private void fault(
            Axis2MessageContext context, int status, int code, String message, long retryAfter) {
        MessageContext axis2 = context.getAxis2MessageContext();
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        if (retryAfter >= 0) {
            headers.put("Retry-After", Long.toString(retryAfter));
        }
        axis2.setProperty(Properties.HEADERS, headers);
        axis2.setProperty(Properties.BUILDER_INVOKED, Boolean.TRUE);
        axis2.setProperty(Properties.CONTENT_TYPE, "application/json");
        axis2.setProperty(Properties.MESSAGE_TYPE, "application/json");
        axis2.removeProperty(Properties.NO_ENTITY_BODY);
        Faults.describe(context, status, code, message);
        try {
            request.fault(context);
        } catch (RuntimeException e) {
            LOG.error("The fault sequence failed", e);
        }
    }

    @Override
    public void report(boolean notable, String line) {
        if (notable) {
            attemptLog.warn(line);
        } else {
            attemptLog.debug(line);
        }
    }

    @Override
    public void failed(String what, Throwable thrown) {
        if (!failed.compareAndSet(false, true)) {
            return;
        }
        LOG.error("An answer could not be handled" + (what == null ? "" : ": " + what), thrown);
        NativeExecutor.cancel(call);
        if (answered.compareAndSet(false, true)) {
            finish();
            fault(-1, 500, BROKEN, "The Model Failover policy failed", -1);
        } else {
            close();
            finish();
        }
    }

    // The client's connection

    @Override
    public long started() {
        return started;
    }

    /** Looks after the connection now and then. */
    @Override
    public boolean check() {
        if (!source.isCurrent()) {
            clientGone();
            return true;
        }
        ProtocolState state = SourceContext.getState(connection);
        if (state == ProtocolState.REQUEST_DONE && request.isAnswered()) {
            // An answer that was faster than the engine's note that the request is complete.
            connection.requestOutput();
        }
        if (over.get()) {
            return state.compareTo(ProtocolState.REQUEST_DONE) > 0;
        }
        // The engine does not listen by itself for a client that leaves. Not for the quick
        // majority: listening costs a client that pipelines its next request the connection. More
        // than once: the reactor may be about to stop listening, because the request is complete.
        if (state.compareTo(ProtocolState.REQUEST_DONE) >= 0
                && System.nanoTime() - started < LISTEN_AGAIN) {
            connection.requestInput();
        }
        return false;
    }

    private void clientGone() {
        if (over.compareAndSet(false, true)) {
            NativeExecutor.cancel(call);
            if (answered.compareAndSet(false, true)) {
                Engine.of().abandoned(request.original());
            }
            countIfDue();
        }
    }

    /**
     * Marks the call as over; returns whether it was not. Comes before the last byte, because the
     * client's next request may come right after it, and has a wait of its own.
     */
    private boolean finish() {
        boolean first = over.compareAndSet(false, true);
        if (first && connection.isOpen()) {
            connection.setSocketTimeout(socketTimeout);
        }
        return first;
    }

    /** Ends the connection so that the client can't take what it has for the whole. */
    private void close() {
        NativeExecutor.cancel(call);
        if (SourceContext.getRequest(connection) == source.request) {
            if (source.request.getVersion().lessEquals(HttpVersion.HTTP_1_0)) {
                resetAtTheEnd();
            }
            // Nothing else: with the connection's state gone, WSO2's engine would count the request
            // as one that is still to be answered, and wait for it when the server stops.
            try {
                connection.shutdown();
            } catch (IOException e) {
                LOG.debug("The connection has ended already", e);
            }
        }
    }

    /**
     * To a client of HTTP/1.0 the end of the connection is the end of the answer. Only a reset is
     * none.
     */
    private void resetAtTheEnd() {
        if (!(connection instanceof SocketAccessor)) {
            return;
        }
        try {
            ((SocketAccessor) connection).getSocket().setSoLinger(true, 0);
        } catch (SocketException e) {
            LOG.debug("The connection has ended already", e);
        }
    }

    private void onThisWorker(Runnable work) {
        Engine.of().onWorker(request.uri, request.correlation(), request.original(), work);
    }

    private void onWorker(Runnable work, Runnable otherwise) {
        Runnable guarded =
                () -> {
                    try {
                        onThisWorker(work);
                    } catch (RuntimeException | Error e) {
                        LOG.error("A Model Failover answer failed on its way back", e);
                        otherwise.run();
                    }
                };
        onWorker(source.configuration, loader, guarded, otherwise);
    }

    /**
     * Runs something on one of the transport's workers.
     *
     * @param loader the class loader of its threads
     * @param otherwise is run on the calling thread when there is none
     */
    static void onWorker(
            SourceConfiguration configuration,
            ClassLoader loader,
            Runnable work,
            Runnable otherwise) {
        // A worker that the pool makes for this keeps, for all requests to come, the class loader
        // of the thread that asks for it. The executor's threads have none.
        Thread asking = Thread.currentThread();
        ClassLoader own = asking.getContextClassLoader();
        asking.setContextClassLoader(loader);
        try {
            configuration.getWorkerPool().execute(work);
        } catch (RejectedExecutionException e) {
            LOG.error("The gateway has no worker free", e);
            otherwise.run();
        } finally {
            asking.setContextClassLoader(own);
        }
    }
}
