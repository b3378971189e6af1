package org.modelfailover.gateway;

import org.modelfailover.executor.Executor;
import org.modelfailover.executor.NativePanicException;

/**
 * Runs in a JVM of its own with a native library that was built with the feature {@code
 * test-natives}: prints what a defect in the native code looks like.
 */
final class PanicProbe {
    static final String STILL_ALIVE = "and the JVM lives";

    private PanicProbe() {}

    /** Panics with this message. */
    static native void panic(String message);

    public static void main(String[] args) {
        // Loads the library.
        Executor.openCalls();
        for (int i = 0; i < 3; i++) {
            try {
                theCaller(args[0]);
                System.out.println("nothing was thrown");
            } catch (NativePanicException e) {
                e.printStackTrace(System.out);
            }
        }
        System.out.println(Executor.openCalls() + " calls, " + STILL_ALIVE);
    }

    private static void theCaller(String message) {
        panic(message);
    }
}
