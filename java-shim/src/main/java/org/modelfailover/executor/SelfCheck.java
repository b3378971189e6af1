package org.modelfailover.executor;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;

/**
 * What {@code install.sh --check} runs in the server's JDK, outside of the server: whether the
 * native library loads on this machine, and what there is to say about the settings. One line each,
 * which begins with {@code ok}, {@code note} or {@code fault}.
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
        for (String line : Executor.configure(text, properties(text))) {
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

    /** Those that the server's start would have set are not there: what they stand for is not. */
    private static String[] properties(String text) {
        List<String> properties = new ArrayList<>();
        for (String name : Executor.systemProperties(text)) {
            String value = System.getProperty(name);
            if (value != null) {
                properties.add(name);
                properties.add(value);
            }
        }
        return properties.toArray(new String[0]);
    }
}
