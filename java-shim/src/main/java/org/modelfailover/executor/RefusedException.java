package org.modelfailover.executor;

/** A request that can't be handled and must not go on. The message is for the caller. */
public final class RefusedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;

    /**
     * @param status the HTTP status for the caller
     * @param message what was wrong with the request
     */
    public RefusedException(int status, String message) {
        super(message);
        this.status = status;
    }

    /**
     * @return the HTTP status for the caller
     */
    public int status() {
        return status;
    }
}
