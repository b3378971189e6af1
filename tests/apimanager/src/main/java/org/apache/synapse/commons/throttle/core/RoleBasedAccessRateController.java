package org.apache.synapse.commons.throttle.core;

/**
 * Stands for the class of this name in WSO2's Synapse, as far as API Manager's {@code
 * ThrottleHandler} needs it to be made: without limits of its own for the backend, it asks nothing.
 */
public class RoleBasedAccessRateController {}
