package org.modelfailover.kit;

import java.io.IOException;

/** Signals for processes of a test's own. */
public final class Signal {
    private Signal() {}

    /** Sends one by its name, such as {@code STOP}. */
    public static void send(long process, String signal) {
        try {
            new ProcessBuilder("kill", "-" + signal, String.valueOf(process)).start().waitFor();
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }
}
