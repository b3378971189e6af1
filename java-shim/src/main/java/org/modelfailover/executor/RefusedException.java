package org.modelfailover.executor;

/** A request that can't be handled and must not go on. The message is for the client. */
public final class RefusedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;
    private final int code;
    private final long retryAfter;

    /**
     * @param status the HTTP status for the client
     * @param code the host's error code
     * @param message what was wrong with the request
     * @param retryAfter seconds for Retry-After, or -1
     */
    public RefusedException(int status, int code, String message, long retryAfter) {
        super(message);
        this.status = status;
        this.code = code;
        this.retryAfter = retryAfter;
    }

    /**
     * @return the HTTP status for the client
     */
    public int status() {
        return status;
    }

    /**
     * @return the host's error code
     */
    public int code() {
        return code;
    }

    /**
     * @return seconds for Retry-After, or -1
     */
    public long retryAfter() {
        return retryAfter;
    }
}
