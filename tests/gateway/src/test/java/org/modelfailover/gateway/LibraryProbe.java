package org.modelfailover.gateway;

import org.modelfailover.executor.Executor;
import org.modelfailover.executor.NativeLibrary;

/** Runs in a JVM of its own: prints which native library was loaded, or why none was. */
final class LibraryProbe {
    private LibraryProbe() {}

    public static void main(String[] args) {
        if (NativeLibrary.isAvailable()) {
            System.out.println("loaded " + NativeLibrary.source());
            System.out.println(Executor.openCalls() + " calls");
        } else {
            System.out.println("failed " + NativeLibrary.failure());
        }
    }
}
