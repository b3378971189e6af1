package org.modelfailover.executor;

/**
 * Something that the native side keeps under a number. The number is never an address: a handle
 * that is closed, or was never given, throws {@link IllegalStateException}.
 *
 * <p>Whoever made it closes it. There are no finalizers: a collector decides when they run, and a
 * call that nobody needs must end at once.
 *
 * <p>A panic in the native code is thrown as {@link NativePanicException}.
 */
public abstract class NativeObject {
    static {
        NativeLibrary.load();
    }

    /** Read by the native methods. */
    private final long handle;

    NativeObject(long handle) {
        this.handle = handle;
    }

    /** Loads the library before a class whose native methods are static uses one. */
    static void load() {
        // By being initialised.
    }
}
