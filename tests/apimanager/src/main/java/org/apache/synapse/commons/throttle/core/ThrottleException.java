package org.apache.synapse.commons.throttle.core;

/** Stands for the class of this name in WSO2's Synapse. */
public class ThrottleException extends Exception {
    private static final long serialVersionUID = 1L;
}
