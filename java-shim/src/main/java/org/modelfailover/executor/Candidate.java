package org.modelfailover.executor;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * A model at an endpoint, as it stood when it was listed, and what an operator can do with it while
 * the gateway runs. Candidates are known from their API's first request on.
 */
public final class Candidate {
    static {
        NativeObject.load();
    }

    private static final int FIELDS = 9;

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
    }

    /**
     * @return every known candidate of this gateway, in the order of tenant, API, version, endpoint
     *     and model
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
     * @return nine strings for each: tenant, API, version, endpoint id, model, state, milliseconds
     *     until the suspension ends, failed probes in a row, whether a failure has left a mark
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
