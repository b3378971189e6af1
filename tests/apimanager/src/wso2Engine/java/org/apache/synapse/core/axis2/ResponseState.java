package org.apache.synapse.core.axis2;

/** By this class WSO2's engine is told from Apache's. */
public class ResponseState {
    private boolean done;

    public boolean isRespondDone() {
        return done;
    }

    public void setRespondDone() {
        done = true;
    }
}
