package org.modelfailover.synapse.operation;

import java.util.Map;

/** What is counted over all APIs of this gateway. */
public interface GatewayMXBean {
    /**
     * @return requests that are over, by what they came to: answered by the target, fell_over,
     *     refused for their own fault, failed, cancelled
     */
    Map<String, Long> getRequests();

    /**
     * @return candidates that get no traffic at present
     */
    int getCandidatesOut();

    /**
     * @return further tries at the same candidate
     */
    long getRetries();

    /**
     * @return further tries that the retry budget refused
     */
    long getRetriesRefused();

    /**
     * @return streams that broke and that another candidate went on with
     */
    long getStreamsContinued();

    /**
     * @return streams that broke and that nobody went on with
     */
    long getStreamsNotContinued();

    /**
     * @return bytes of bodies that are held
     */
    long getHeldBytes();

    /**
     * @return the most bytes of bodies that may be held where an API sets nothing itself; -1: no
     *     limit
     */
    long getMaxMemory();

    /**
     * @return how often that was in the way of a body
     */
    long getMemoryRefusals();

    /**
     * @return calls under way on the native side
     */
    long getOpenCalls();

    /**
     * @return where the listener for metrics is; empty when there is none
     */
    String getMetricsAddress();

    /**
     * @return whether suspensions are shared with other gateways: off, shared as this gateway's
     *     name, or alone and why
     */
    String getCluster();

    /**
     * @return of the link to other gateways: operations, those that failed, changes that were
     *     dropped, what waits; changes that were heard of; permits that this gateway gave itself,
     *     probes that met another's; milliseconds that the last operation took, and since the store
     *     last answered. Empty when it is off
     */
    Map<String, Long> getClusterNumbers();
}
