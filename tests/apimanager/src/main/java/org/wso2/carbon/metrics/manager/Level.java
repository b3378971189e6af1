package org.wso2.carbon.metrics.manager;

/** Stands for the host's class of this name; see {@link MetricManager}. */
public enum Level {
    INFO
}
