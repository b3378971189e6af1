package org.modelfailover.executor;

/** A policy's configuration that can't be used. The message names the field and what was wrong. */
public final class InvalidConfigurationException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * @param message what was wrong
     */
    public InvalidConfigurationException(String message) {
        super(message);
    }
}
