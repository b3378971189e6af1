package org.apache.synapse.util;

import org.apache.synapse.MessageContext;
import org.modelfailover.apimanager.EngineCalls;

/** Writes down which permits it is given back. */
public class ConcurrencyThrottlingUtils {
    public static void decrementConcurrencyThrottleAccessController(MessageContext synCtx) {
        EngineCalls.permitGivenBack();
    }
}
