package org.modelfailover.synapse.operation;

import java.util.Map;

/** A model at an endpoint, as operators see and steer it. */
public interface CandidateMXBean {
    /**
     * @return HEALTHY, SUSPECTED, SUSPENDED, PROBING, DUE or HELD; GONE when it is not known any
     *     more
     */
    String getState();

    /**
     * @return whether it gets no traffic at present
     */
    boolean isOut();

    /**
     * @return milliseconds until its suspension ends; 0 when it is not suspended
     */
    long getSuspendedForMillis();

    /**
     * @return why it is suspended; empty when it is not
     */
    String getWhy();

    /**
     * @return whether a failure has left a mark: another request that fails so suspends it
     */
    boolean isMarked();

    /**
     * @return failed probes in a row
     */
    int getFailedProbes();

    /**
     * @return attempts under way, streams that it is sending among them
     */
    long getInFlight();

    /**
     * @return attempts that are over, by the outcome words of the attempt log
     */
    Map<String, Long> getAttempts();

    /**
     * @return suspensions, by the outcome that led to them
     */
    Map<String, Long> getSuspensions();

    /**
     * @return requests that were to find out whether it is back: succeeded, failed, undecided
     */
    Map<String, Long> getProbes();

    /**
     * @return milliseconds that half of the attempts took at most; -1 when there were none
     */
    long getLatencyP50Millis();

    /**
     * @return milliseconds that 95 of 100 attempts took at most; -1 when there were none
     */
    long getLatencyP95Millis();

    /**
     * @return milliseconds that 99 of 100 attempts took at most; -1 when there were none
     */
    long getLatencyP99Millis();

    /**
     * @return milliseconds after which 95 of 100 streams had their first useful chunk; -1 when
     *     there were none
     */
    long getFirstChunkP95Millis();

    /**
     * @return the last failure and how long ago it was; empty when there was none
     */
    String getLastFailure();

    /** Keeps it from traffic until it is released. */
    void hold();

    /** Ends a hold; a suspension goes on. */
    void release();

    /** Forgets its failures: it gets traffic again, unless it is held. */
    void clear();
}
