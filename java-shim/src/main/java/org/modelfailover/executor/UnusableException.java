package org.modelfailover.executor;

/** A candidate can't be called; the message says why, and holds no credential. */
public final class UnusableException extends Exception {
    private static final long serialVersionUID = 1L;

    /**
     * @param message why
     */
    public UnusableException(String message) {
        super(message);
    }
}
