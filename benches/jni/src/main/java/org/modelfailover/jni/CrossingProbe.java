package org.modelfailover.jni;

import org.modelfailover.executor.Exchange;

/** Upcalls without a call around them, from a library with the feature {@code test-natives}. */
final class CrossingProbe {
    private CrossingProbe() {}

    /**
     * Answers.
     *
     * @param exchange who is answered
     * @param times how often
     */
    static native void answer(Exchange exchange, int times);
}
