package org.modelfailover.executor;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;

/**
 * What {@code install.sh --check} runs in the server's JDK, outside of the server: whether the
 * native library loads on this machine, and what there is to say about the settings. One line each,
 * which begins with {@code ok}, {@code note} or {@code fault}. System properties that the server's
 * start would have set are not there, nor what they stand for.
 */
public final class SelfCheck {
    private SelfCheck() {}

    /**
     * @param args the gateway's {@code deployment.toml}
     */
    public static void main(String[] args) {
        PrintStream out = System.out;
        if (!NativeLibrary.isAvailable()) {
            out.println("fault library: " + NativeLibrary.failure());
            return;
        }
        out.println("ok library: " + NativeLibrary.source());
        for (String argument : args) {
            settings(Paths.get(argument), out);
        }
        Executor.shutDown();
    }

    private static void settings(Path file, PrintStream out) {
        String text;
        try {
            text = Files.readString(file);
        } catch (IOException e) {
            out.println("fault settings: " + file + " can't be read: " + e);
            return;
        }
        boolean wrong = false;
        for (String line : Executor.configure(text, Executor.systemPropertiesFor(text))) {
            boolean error = line.startsWith("ERROR");
            wrong |= error;
            String what = line.substring(line.indexOf(' ') + 1);
            out.println((error ? "fault" : "note") + " settings: " + what);
        }
        if (!wrong) {
            int changed = Executor.changedSettings();
            out.println("ok settings: " + file + ", " + changed + " not at their defaults");
        }
    }
}
