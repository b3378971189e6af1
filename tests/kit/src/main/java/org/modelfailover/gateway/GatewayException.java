package org.modelfailover.gateway;

/** A gateway that cannot be started or an API that cannot be deployed; the message says why. */
public final class GatewayException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public GatewayException(String message) {
        super(message);
    }

    public GatewayException(String message, Throwable cause) {
        super(message, cause);
    }
}
