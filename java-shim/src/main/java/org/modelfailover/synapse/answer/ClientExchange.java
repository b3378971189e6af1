package org.modelfailover.synapse.answer;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.rest.Handler;
import org.modelfailover.executor.Call;
import org.modelfailover.executor.Exchange;
import org.modelfailover.synapse.endpoint.Endpoints;
import org.modelfailover.synapse.engine.Answers;
import org.modelfailover.synapse.engine.ClientConnection;
import org.modelfailover.synapse.engine.Engine;
import org.modelfailover.synapse.engine.Faults;
import org.modelfailover.synapse.engine.MaxMemory;
import org.modelfailover.synapse.engine.Properties;
import org.modelfailover.synapse.observation.Observation;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One client that waits for an answer: its connection, its request, and the pipe through which the
 * answer goes out.
 *
 * <p>The executor's threads only put bytes into the pipe. Everything that runs mediators (answers
 * on their way back, faults, credentials) goes to the transport's own workers.
 */
public final class ClientExchange implements Exchange, WayBack.Unsent {
    private static final Log LOG = LogFactory.getLog(ClientExchange.class);

    /** One line for each request that needed more than one attempt or failed; at DEBUG for all. */
    private static final Log ATTEMPTS = LogFactory.getLog("org.modelfailover.attempts");

    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    private final Call call;
    private final DetachedRequest request;
    private final WaitingClient client;
    private final WayBack wayBack;
    private final CandidateResolution resolution;
    private final Observation observation;
    private final long longest;

    /** The handlers of an API that needs whole answers, for a stream that never becomes one. */
    private final List<Handler> handlersOfCollected;

    private final AtomicBoolean answered = new AtomicBoolean();
    private final AtomicBoolean failed = new AtomicBoolean();
    private final AnswerPipe pipe;
    private volatile StreamedAnswer stream;

    /**
     * Detaches a request: from here on its worker may leave without an answer.
     *
     * @param answers those of the API
     * @param longest how long the client may have to wait for the next byte, in milliseconds
     * @param whole whether streams are collected, so that the client hears of one at its end
     * @param observation looks on
     */
    public ClientExchange(
            Call call,
            DetachedRequest request,
            Endpoints endpoints,
            ClientConnection connection,
            Answers answers,
            long longest,
            boolean whole,
            Observation observation) {
        this.call = call;
        this.request = request;
        this.observation = observation;
        this.longest = longest;
        handlersOfCollected = whole ? Engine.of().handlers(request.original()) : null;
        client = new WaitingClient(connection, request, this::left);
        pipe = new AnswerPipe(connection, call, client);
        wayBack =
                new WayBack(
                        request,
                        endpoints,
                        client,
                        connection.configuration,
                        answers,
                        this,
                        observation);
        resolution =
                new CandidateResolution(call, request, endpoints, client, wayBack, observation);
        // A collected stream takes as long as it flows; the executor's clocks watch it.
        client.await(pipe, whole ? 0 : longest);
    }

    /** The client's side of it. */
    public WaitingClient client() {
        return client;
    }

    public void start() {
        call.start(
                this, ATTEMPTS.isDebugEnabled(), handlersOfCollected != null, observation.isOn());
    }

    /** Takes it back: the request goes on in its own thread after all. */
    public void resume() {
        client.finish();
        client.takePipeAway();
        observation.failed();
    }

    @Override
    public void resolve(int candidate, String path, String[] withheld) {
        resolution.resolve(candidate, path, withheld);
    }

    @Override
    public void answer(
            int candidate, int status, byte[] headers, String[] metadata, ByteBuffer body) {
        if (!answered.compareAndSet(false, true)) {
            return;
        }
        client.finish();
        observation.answered(metadata);
        long length = body == null ? 0 : body.remaining();
        try {
            if (body != null) {
                pipe.offerAll(body);
            }
        } catch (IOException e) {
            LOG.debug("The client went away", e);
            pipe.producerError();
        }
        WayBack.Head head = new WayBack.Head(candidate, status, headers, metadata, length);
        wayBack.respond(head, body == null ? null : pipe, null);
    }

    @Override
    public void begin(int candidate, int status, byte[] headers, String[] metadata, long length) {
        if (!answered.compareAndSet(false, true)) {
            return;
        }
        observation.answered(metadata);
        if (handlersOfCollected != null) {
            client.limitSilence(longest);
        }
        StreamedAnswer begun =
                streamed(Engine.of().handlers(request.original()), length < 0, candidate);
        stream = begun;
        WayBack.Head head = new WayBack.Head(candidate, status, headers, metadata, length);
        wayBack.respond(head, pipe, begun);
    }

    private StreamedAnswer streamed(List<Handler> handlers, boolean open, int begunBy) {
        return new StreamedAnswer(wayBack, request, handlers, open, begunBy);
    }

    @Override
    public int data(ByteBuffer chunk) {
        int offered = chunk.remaining();
        if (client.isOver() || !client.isConnected()) {
            return offered;
        }
        try {
            pipe.offerSome(chunk);
            int taken = offered - chunk.remaining();
            stream.delivered(taken);
            return taken;
        } catch (IOException e) {
            client.gone();
            return offered;
        }
    }

    @Override
    public void attempted(int number, boolean flowing, String outcome, long[] numbers) {
        observation.attempted(number, flowing, outcome, numbers);
    }

    @Override
    public void used(int candidate, String[] metadata) {
        if (stream == null) {
            // It was collected, and nothing of it is sent.
            StreamedAnswer unsent = streamed(handlersOfCollected, true, -1);
            unsent.sent(null);
            stream = unsent;
        }
        stream.used(candidate, metadata);
    }

    @Override
    public void end() {
        if (client.finish()) {
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
        client.finish();
        countIfDue();
    }

    private void countIfDue() {
        StreamedAnswer ended = stream;
        if (ended != null) {
            ended.countIfDue();
        }
    }

    @Override
    public void fail(
            int candidate, int status, int code, String message, long retryAfter, String reasons) {
        if (!answered.compareAndSet(false, true)) {
            // Too late to say so.
            abort();
            return;
        }
        client.finish();
        observation.failed();
        if (code == MaxMemory.REFUSAL.code()) {
            MaxMemory.refused();
        }
        wayBack.fault(candidate, status, code, message, Faults.headers(retryAfter, reasons));
    }

    @Override
    public String[] facts() {
        List<String> facts = new ArrayList<>();
        put(facts, "correlation_id", request.correlation());
        put(facts, "message_id", request.messageId());
        put(facts, "application", request.text(Properties.APPLICATION));
        put(facts, "trace_id", observation.traceId());
        return facts.toArray(new String[0]);
    }

    private static void put(List<String> facts, String name, Object value) {
        if (value != null) {
            facts.add(name);
            facts.add(value.toString());
        }
    }

    @Override
    public void report(boolean notable, String line) {
        Runnable log = notable ? () -> ATTEMPTS.warn(line) : () -> ATTEMPTS.debug(line);
        Engine.of().correlated(request.correlation(), log);
    }

    @Override
    public void failed(String what, Throwable thrown) {
        if (!failed.compareAndSet(false, true)) {
            return;
        }
        LOG.error("An answer could not be handled" + (what == null ? "" : ": " + what), thrown);
        call.cancel();
    }

    /** The client has left. */
    private void left() {
        call.cancel();
        observation.over();
        if (answered.compareAndSet(false, true)) {
            Engine.of().abandoned(request.original());
        }
        countIfDue();
    }

    @Override
    public void close() {
        call.cancel();
        observation.over();
        client.close();
    }

    @Override
    public boolean replace(Axis2MessageContext answer) {
        call.cancel();
        client.finish();
        if (answer == null || request.isAnswered()) {
            client.close();
            return false;
        }
        StreamedAnswer begun = stream;
        if (begun != null) {
            begun.publishInstead(answer);
        }
        return true;
    }
}
