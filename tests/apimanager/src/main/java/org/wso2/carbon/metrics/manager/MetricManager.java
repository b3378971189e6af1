package org.wso2.carbon.metrics.manager;

/** Stands for the host's class of this name, which is not on Maven Central: measures nothing. */
public final class MetricManager {
    private MetricManager() {}

    /** A metric's name. */
    public static String name(String first, String... more) {
        return first + "." + String.join(".", more);
    }

    /** A timer that is not looked at. */
    public static Timer timer(Level level, String name) {
        return () -> () -> 0;
    }
}
