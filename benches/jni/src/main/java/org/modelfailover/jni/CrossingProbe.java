package org.modelfailover.jni;

import org.modelfailover.executor.Call;
import org.modelfailover.executor.Exchange;

/** Upcalls without a call around them, from a library with the feature {@code test-natives}. */
final class CrossingProbe {
    private CrossingProbe() {}

    /**
     * Answers.
     *
     * @param call a call that was prepared
     * @param exchange who is answered
     * @param times how often
     */
    static native void answer(Call call, Exchange exchange, int times);
}
