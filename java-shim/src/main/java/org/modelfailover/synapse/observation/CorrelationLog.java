package org.modelfailover.synapse.observation;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.modelfailover.synapse.engine.Engine;

/**
 * The host's correlation log, in which its own back-end calls write a line when an answer's head is
 * there, and others as a call goes on. Fields are separated by bars.
 */
final class CorrelationLog {
    private static final Log LOG = LogFactory.getLog("correlation");

    private final Object correlation;
    private final String method;

    /**
     * @param correlation the request's id
     */
    CorrelationLog(Object correlation, String method) {
        this.correlation = correlation;
        this.method = method;
    }

    /** The head of an answer is there. */
    void headed(String address, Attempted attempted) {
        if (attempted.headed >= 0) {
            write(attempted.headed + "|HTTP|" + field(address) + "|BACKEND LATENCY");
        }
    }

    /** An attempt has come to something. */
    void ended(int number, String address, Attempted attempted) {
        write(
                attempted.took
                        + "|HTTP|model-failover-"
                        + number
                        + "|"
                        + field(method)
                        + "|"
                        + field(address)
                        + "|"
                        + attempted.outcome);
    }

    private void write(String line) {
        Engine.of().correlated(correlation, () -> LOG.info(line));
    }

    private static String field(String text) {
        return text == null ? "" : text.replace("|", "%7C").replaceAll("\\s", "%20");
    }
}
