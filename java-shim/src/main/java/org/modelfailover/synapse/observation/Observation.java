package org.modelfailover.synapse.observation;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.synapse.MessageContext;
import org.modelfailover.executor.Call;
import org.modelfailover.synapse.engine.Engine;

/**
 * Looks on while candidates are asked for a request, for the host's traces and its correlation log;
 * where neither is on it does nothing.
 *
 * <p>The executor tells it of attempts one after the other, from its own threads; what an endpoint
 * is comes from a worker, and can come too late.
 */
public final class Observation {
    private static final Log LOG = LogFactory.getLog(Observation.class);

    private final Call call;
    private final Spans spans;
    private final CorrelationLog correlation;

    // Guarded by this.
    private int ended;
    private boolean over;
    private Attempt current;

    /** A whole answer whose usage is not known yet. */
    private Attempt served;

    /** One that was begun. */
    private static final class Attempt {
        final int number;
        final String address;
        final Object span;
        boolean headed;

        Attempt(int number, String address, Object span) {
            this.number = number;
            this.address = address;
            this.span = span;
        }
    }

    private Observation(Call call, Spans spans, CorrelationLog correlation) {
        this.call = call;
        this.spans = spans;
        this.correlation = correlation;
    }

    /**
     * Begins to look on, on the request's own worker.
     *
     * @param correlation the request's id
     * @param method its HTTP method
     */
    public static Observation of(
            MessageContext request, Call call, Object correlation, String method) {
        CorrelationLog log =
                Engine.of().isCorrelationLogged() ? new CorrelationLog(correlation, method) : null;
        return new Observation(call, Spans.of(request), log);
    }

    /** Whether there is anything to look at. */
    public boolean isOn() {
        return spans != null || correlation != null;
    }

    /** The id of the request's trace, or null. */
    public String traceId() {
        return spans == null ? null : spans.traceId();
    }

    /** A candidate is looked for: the place of the attempt that is to come, from 1. */
    public synchronized int next() {
        return ended + 1;
    }

    /**
     * An attempt's endpoint was found, and is about to be called.
     *
     * @param number its place
     * @param candidate the candidate's index
     * @param address the endpoint's URL, without credentials
     */
    public void found(int number, int candidate, String address) {
        if (!isOn()) {
            return;
        }
        Object span = spans == null ? null : begin(number, candidate, address);
        boolean late;
        synchronized (this) {
            late = over || number <= ended;
            if (!late) {
                current = new Attempt(number, address, span);
            }
        }
        if (late && span != null) {
            spans.cancelled(span);
        }
    }

    private Object begin(int number, int candidate, String address) {
        try {
            return spans.begin(number, call.described(candidate), address, call);
        } catch (RuntimeException e) {
            LOG.debug("The call is over", e);
            return null;
        }
    }

    /**
     * What an attempt came to.
     *
     * @param number its place
     * @param flowing whether it is a stream that has begun, of which more will be told
     * @param outcome the word for it
     * @param numbers as {@link org.modelfailover.executor.Exchange#attempted} has them
     */
    public void attempted(int number, boolean flowing, String outcome, long[] numbers) {
        Attempted attempted = new Attempted(outcome, numbers);
        boolean isWhole = attempted.isAnswer() && !attempted.isStream();
        Attempt attempt;
        synchronized (this) {
            if (number <= ended) {
                suspendedSince(number, attempted);
                return;
            }
            attempt = current != null && current.number == number ? current : null;
            if (!flowing) {
                ended = Math.max(ended, number);
                current = null;
                served = isWhole ? attempt : null;
            }
        }
        if (attempt == null) {
            return;
        }
        if (correlation != null) {
            write(attempt, attempted, flowing);
        }
        if (attempt.span == null) {
            return;
        }
        if (flowing) {
            spans.flows(attempt.span, attempted);
            return;
        }
        spans.attempted(attempt.span, attempted);
        if (!isWhole) {
            spans.end(attempt.span);
        }
    }

    private void suspendedSince(int number, Attempted attempted) {
        if (spans != null && !over) {
            spans.suspendedSince(number, attempted);
        }
    }

    private void write(Attempt attempt, Attempted attempted, boolean flowing) {
        if (!attempt.headed) {
            attempt.headed = true;
            correlation.headed(attempt.address, attempted);
        }
        if (!flowing) {
            correlation.ended(attempt.number, attempt.address, attempted);
        }
    }

    /**
     * An answer is on its way.
     *
     * @param metadata what it has used: names and values in turn, or null
     */
    public void answered(String[] metadata) {
        Attempt attempt;
        synchronized (this) {
            attempt = served;
            served = null;
        }
        if (attempt == null || attempt.span == null) {
            return;
        }
        long prompt = -1;
        long completion = -1;
        for (int i = 0; metadata != null && i + 1 < metadata.length; i += 2) {
            if (metadata[i].equals("promptTokenCount")) {
                prompt = count(metadata[i + 1]);
            } else if (metadata[i].equals("completionTokenCount")) {
                completion = count(metadata[i + 1]);
            }
        }
        spans.used(attempt.span, prompt, completion);
        spans.end(attempt.span);
    }

    private static long count(String text) {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    /** What the host is told next is no provider's answer, or was its last word. */
    public void failed() {
        endAttempts();
        if (spans != null) {
            spans.endBackend();
        }
    }

    /** An answer has passed the response flow: the back-end call is over. */
    public void sent() {
        if (spans != null) {
            spans.endBackend();
        }
    }

    /** Nobody will be told anything any more. */
    public void over() {
        endAttempts();
        if (spans != null) {
            spans.endAll();
        }
    }

    private void endAttempts() {
        Attempt open;
        Attempt waiting;
        synchronized (this) {
            over = true;
            open = current;
            waiting = served;
            current = null;
            served = null;
        }
        if (open != null && open.span != null) {
            spans.cancelled(open.span);
        }
        if (waiting != null && waiting.span != null) {
            spans.end(waiting.span);
        }
    }
}
