package org.apache.synapse.transport.passthru.config;

/** Whether the engine writes its correlation log. */
public final class PassThroughCorrelationConfigDataHolder {
    private static volatile boolean enabled;

    private PassThroughCorrelationConfigDataHolder() {}

    public static boolean isEnable() {
        return enabled;
    }

    public static void setEnable(boolean enable) {
        enabled = enable;
    }
}
