package org.wso2.carbon.metrics.manager;

/** Stands for the host's class of this name; see {@link MetricManager}. */
public interface Timer {
    /** Begins. */
    Context start();

    /** What was begun. */
    interface Context {
        /** Ends, and says after how many nanoseconds. */
        long stop();
    }
}
