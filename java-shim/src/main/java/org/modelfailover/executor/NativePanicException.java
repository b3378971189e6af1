package org.modelfailover.executor;

/**
 * A defect in the native code. The message holds its place and the native stack; the exception has
 * Java's.
 */
public final class NativePanicException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * @param message what was wrong
     */
    public NativePanicException(String message) {
        super(message);
    }
}
