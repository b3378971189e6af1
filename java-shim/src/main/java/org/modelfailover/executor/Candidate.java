package org.modelfailover.executor;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A model at an endpoint, as it stood when it was listed, and what an operator can do with it while
 * the gateway runs. Candidates are known from their API's first request on.
 */
public final class Candidate {
    static {
        NativeObject.load();
    }

    private static final int FIELDS = 19;

    /** Whether a candidate gets traffic. */
    public enum State {
        /** It does. */
        HEALTHY,
        /**
         * It does when no other is open: a request failed there and goes on elsewhere, and whose
         * fault that was is not known yet.
         */
        SUSPECTED,
        /** It does not, until its suspension ends. */
        SUSPENDED,
        /** One request is finding out whether it is back. */
        PROBING,
        /** Its suspension has ended; the next request finds out whether it is back. */
        DUE,
        /** It does not, until it is released. */
        HELD
    }

    private final String tenant;
    private final String api;
    private final String version;
    private final String endpointId;
    private final String model;
    private final State state;
    private final Duration suspendedFor;
    private final int failedProbes;
    private final boolean marked;
    private final String why;
    private final long inFlight;
    private final Map<String, Long> attempts;
    private final Map<String, Long> suspensions;
    private final Map<String, Long> probes;
    private final long latencyP50;
    private final long latencyP95;
    private final long latencyP99;
    private final long firstChunkP95;
    private final String lastFailure;

    private Candidate(String[] fields, int at) {
        tenant = fields[at];
        api = fields[at + 1];
        version = fields[at + 2];
        endpointId = fields[at + 3];
        model = fields[at + 4];
        state = State.valueOf(fields[at + 5]);
        suspendedFor = Duration.ofMillis(Long.parseLong(fields[at + 6]));
        failedProbes = Integer.parseInt(fields[at + 7]);
        marked = Boolean.parseBoolean(fields[at + 8]);
        why = fields[at + 9];
        inFlight = Long.parseLong(fields[at + 10]);
        attempts = counts(fields[at + 11]);
        suspensions = counts(fields[at + 12]);
        probes = counts(fields[at + 13]);
        latencyP50 = Long.parseLong(fields[at + 14]);
        latencyP95 = Long.parseLong(fields[at + 15]);
        latencyP99 = Long.parseLong(fields[at + 16]);
        firstChunkP95 = Long.parseLong(fields[at + 17]);
        lastFailure = fields[at + 18];
    }

    /** Words and numbers in turn. */
    private static Map<String, Long> counts(String text) {
        Map<String, Long> counts = new LinkedHashMap<>();
        String[] parts = text.split(" ");
        for (int at = 0; at + 1 < parts.length; at += 2) {
            counts.put(parts[at], Long.valueOf(parts[at + 1]));
        }
        return Collections.unmodifiableMap(counts);
    }

    /**
     * @return the known candidates of this gateway, 1000 at most, in the order of tenant, API,
     *     version, endpoint and model
     */
    public static List<Candidate> list() {
        String[] fields = all();
        List<Candidate> list = new ArrayList<>(fields.length / FIELDS);
        for (int at = 0; at + FIELDS <= fields.length; at += FIELDS) {
            list.add(new Candidate(fields, at));
        }
        return list;
    }

    /**
     * Forgets its failures: it gets traffic again, unless it is held.
     *
     * @return whether the candidate is still known
     */
    public boolean clear() {
        return clear(tenant, api, version, endpointId, model);
    }

    /**
     * Isolates it until it is released.
     *
     * @return whether the candidate is still known
     */
    public boolean hold() {
        return hold(tenant, api, version, endpointId, model);
    }

    /**
     * Ends a hold; a suspension goes on.
     *
     * @return whether the candidate is still known
     */
    public boolean release() {
        return release(tenant, api, version, endpointId, model);
    }

    /**
     * @return nineteen strings for each: tenant, API, version, endpoint id, model, state,
     *     milliseconds until the suspension ends, failed probes in a row, whether a failure has
     *     left a mark, why it is suspended, attempts under way; attempts, suspensions and probes by
     *     word; milliseconds that 50, 95 and 99 % of the attempts took at most, and 95 % of the
     *     streams to their first chunk; the last failure
     */
    private static native String[] all();

    private static native boolean clear(
            String tenant, String api, String version, String endpointId, String model);

    private static native boolean hold(
            String tenant, String api, String version, String endpointId, String model);

    private static native boolean release(
            String tenant, String api, String version, String endpointId, String model);

    /**
     * @return the tenant's domain
     */
    public String tenant() {
        return tenant;
    }

    /**
     * @return the API's name
     */
    public String api() {
        return api;
    }

    /**
     * @return the API's version
     */
    public String version() {
        return version;
    }

    /**
     * @return the endpoint's id
     */
    public String endpointId() {
        return endpointId;
    }

    /**
     * @return the model's name
     */
    public String model() {
        return model;
    }

    /**
     * @return whether it gets traffic
     */
    public State state() {
        return state;
    }

    /**
     * @return how long the suspension lasts; zero when it is not suspended
     */
    public Duration suspendedFor() {
        return suspendedFor;
    }

    /**
     * @return failed probes in a row
     */
    public int failedProbes() {
        return failedProbes;
    }

    /**
     * @return whether a request failed there that may have been the candidate's fault or its own,
     *     and nobody has been answered since: another request that fails so suspends it
     */
    public boolean marked() {
        return marked;
    }

    /**
     * @return why it is suspended; empty when it is not
     */
    public String why() {
        return why;
    }

    /**
     * @return attempts under way, streams that it is sending among them
     */
    public long inFlight() {
        return inFlight;
    }

    /**
     * @return attempts that are over, by the outcome words of the attempt log
     */
    public Map<String, Long> attempts() {
        return attempts;
    }

    /**
     * @return suspensions, by the outcome that led to them
     */
    public Map<String, Long> suspensions() {
        return suspensions;
    }

    /**
     * @return requests that were to find out whether it is back, by what they found out
     */
    public Map<String, Long> probes() {
        return probes;
    }

    /**
     * @return milliseconds that half of the attempts took at most; -1 when there were none
     */
    public long latencyP50() {
        return latencyP50;
    }

    /**
     * @return milliseconds that 95 of 100 attempts took at most; -1 when there were none
     */
    public long latencyP95() {
        return latencyP95;
    }

    /**
     * @return milliseconds that 99 of 100 attempts took at most; -1 when there were none
     */
    public long latencyP99() {
        return latencyP99;
    }

    /**
     * @return milliseconds after which 95 of 100 streams had their first useful chunk; -1 when
     *     there were none
     */
    public long firstChunkP95() {
        return firstChunkP95;
    }

    /**
     * @return the last failure and how long ago it was; empty when there was none
     */
    public String lastFailure() {
        return lastFailure;
    }

    @Override
    public String toString() {
        return tenant
                + " "
                + api
                + ":"
                + version
                + " "
                + model
                + " at "
                + endpointId
                + ": "
                + state;
    }
}
