package org.modelfailover.executor;

/** Objects whose native side is not there. */
public final class Handles {
    private Handles() {}

    /** A call of any number. */
    public static Call call(long handle) {
        return new Call(handle);
    }

    /** An attached policy of any number. */
    public static AttachedPolicy attachedPolicy(long handle) {
        return new AttachedPolicy(handle);
    }
}
