package org.modelfailover.synapse.observation;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.synapse.MessageContext;
import org.modelfailover.executor.Call;
import org.modelfailover.synapse.engine.Headers;

import java.net.URI;
import java.util.HashMap;
import java.util.Map;

/**
 * The spans of one request's attempts, each under the host's span of its back-end call, by the
 * conventions for generative AI; and those of the host's own that it would leave open. None of it
 * can fail a request.
 */
final class Spans {
    private static final Log LOG = LogFactory.getLog(Spans.class);

    /** Where the host keeps its spans, on the message: the back-end call's first. */
    static final String BACKEND = "API:Backend_Latency";

    private static final String SUSPENDED = "model_failover.suspended";
    private static final String RESOURCE = "API:Resource";
    private static final String WHOLE = "API:Response_Latency";

    private final Telemetry telemetry;
    private final Object backend;
    private final Object[] hosts;

    private Spans(Telemetry telemetry, Object backend, Object... hosts) {
        this.telemetry = telemetry;
        this.backend = backend;
        this.hosts = hosts;
    }

    /** Those of a request; null when the host does not trace it. */
    static Spans of(MessageContext request) {
        Object backend = request.getProperty(BACKEND);
        if (backend == null) {
            return null;
        }
        Telemetry telemetry = Telemetry.of(backend);
        return telemetry == null
                ? null
                : new Spans(
                        telemetry,
                        backend,
                        request.getProperty(RESOURCE),
                        request.getProperty(WHOLE));
    }

    /** Does something with spans, and goes on without where that fails. */
    private static void attempt(Reflective work) {
        try {
            work.run();
        } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
            LOG.debug("A span could not be written", e);
        }
    }

    private interface Reflective {
        void run() throws ReflectiveOperationException;
    }

    /**
     * Begins the span of an attempt, and has the call go on with it.
     *
     * @param number its place, from 1
     * @param described what {@link Call#described} says of its candidate
     * @param address the endpoint's URL, without credentials
     * @return the span, or null
     */
    Object begin(int number, String[] described, String address, Call call) {
        Object[] begun = new Object[1];
        attempt(
                () -> {
                    Object span = telemetry.begin(described[0] + " " + described[2], backend);
                    begun[0] = span;
                    telemetry.set(span, "gen_ai.operation.name", described[0]);
                    telemetry.set(span, "gen_ai.provider.name", described[1]);
                    telemetry.set(span, "gen_ai.request.model", described[2]);
                    telemetry.set(span, "model_failover.endpoint.id", described[3]);
                    if ("true".equals(described[4])) {
                        telemetry.set(span, "gen_ai.request.stream", true);
                    }
                    server(span, address);
                    if (number > 1) {
                        telemetry.set(span, "http.request.resend_count", number - 1L);
                    }
                    call.trace(Headers.block(telemetry.headers(span), null));
                });
        return begun[0];
    }

    private void server(Object span, String address) throws ReflectiveOperationException {
        URI uri;
        try {
            uri = URI.create(address);
        } catch (IllegalArgumentException e) {
            LOG.debug("An endpoint's address is none that a span can name", e);
            return;
        }
        if (uri.getHost() != null) {
            telemetry.set(span, "server.address", uri.getHost());
            int usual = "https".equalsIgnoreCase(uri.getScheme()) ? 443 : 80;
            telemetry.set(span, "server.port", (long) (uri.getPort() < 0 ? usual : uri.getPort()));
        }
    }

    /** Its stream has begun. */
    void flows(Object span, Attempted attempted) {
        attempt(() -> describe(span, attempted));
    }

    /** What it came to. */
    void describe(Object span, Attempted attempted) throws ReflectiveOperationException {
        if (attempted.status >= 0) {
            telemetry.set(span, "http.response.status_code", attempted.status);
        }
        if (attempted.firstChunk >= 0) {
            telemetry.setSeconds(span, "gen_ai.response.time_to_first_chunk", attempted.firstChunk);
        }
        if (attempted.delivered >= 0) {
            telemetry.set(span, "model_failover.delivered", attempted.delivered);
        }
    }

    /** An attempt has come to something; {@link #end} comes after it. */
    void attempted(Object span, Attempted attempted) {
        attempt(
                () -> {
                    describe(span, attempted);
                    tokens(span, attempted.promptTokens, attempted.completionTokens);
                    if (attempted.suspended >= 0) {
                        telemetry.event(span, SUSPENDED, suspension(attempted), attempted.outcome);
                    }
                    if (!attempted.isAnswer()) {
                        telemetry.fail(span, attempted.outcome);
                    }
                });
    }

    private static Map<String, Long> suspension(Attempted attempted) {
        return Map.of("model_failover.suspended_ms", attempted.suspended);
    }

    /**
     * The candidate of an attempt whose span has ended is suspended: on the host's span then.
     *
     * @param number the attempt's place, from 1
     */
    void suspendedSince(int number, Attempted attempted) {
        attempt(
                () -> {
                    Object inside = telemetry.inside(backend);
                    if (inside != null) {
                        Map<String, Long> numbers = new HashMap<>(suspension(attempted));
                        numbers.put("model_failover.attempt", (long) number);
                        telemetry.event(inside, SUSPENDED, numbers, attempted.outcome);
                    }
                });
    }

    /** What an answer has used, where that is known: else -1. */
    void used(Object span, long prompt, long completion) {
        attempt(() -> tokens(span, prompt, completion));
    }

    private void tokens(Object span, long prompt, long completion)
            throws ReflectiveOperationException {
        if (prompt >= 0) {
            telemetry.set(span, "gen_ai.usage.input_tokens", prompt);
        }
        if (completion >= 0) {
            telemetry.set(span, "gen_ai.usage.output_tokens", completion);
        }
    }

    /** It was given up before it came to anything. */
    void cancelled(Object span) {
        attempt(() -> telemetry.fail(span, "cancelled"));
        end(span);
    }

    void end(Object span) {
        attempt(() -> telemetry.end(span));
    }

    /** The host's span of the back-end call is over, where the host has not noticed. */
    void endBackend() {
        attempt(() -> telemetry.endHosts(backend));
    }

    /** The request is over, and the host will not be told of an answer. */
    void endAll() {
        endBackend();
        for (Object span : hosts) {
            attempt(() -> telemetry.endHosts(span));
        }
    }

    /** The id of the request's trace, or null. */
    String traceId() {
        String[] id = new String[1];
        attempt(() -> id[0] = telemetry.traceId(backend));
        return id[0];
    }
}
