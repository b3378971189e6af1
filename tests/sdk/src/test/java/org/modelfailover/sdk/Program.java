package org.modelfailover.sdk;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** A process that says on its first line that it is ready, and ends when its input does. */
final class Program implements AutoCloseable {
    private static final int STOP_SECONDS = 20;

    private final Process process;
    private final BufferedReader output;
    private final String said;

    private Program(Process process, BufferedReader output, String said) {
        this.process = process;
        this.output = output;
        this.said = said;
    }

    /** Starts it, and waits for a line that begins with {@code ready}. */
    static Program start(String ready, Path errors, String... command) throws IOException {
        Process process = new ProcessBuilder(command).redirectError(errors.toFile()).start();
        BufferedReader output =
                new BufferedReader(
                        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        String line = output.readLine();
        if (line == null || !line.startsWith(ready)) {
            process.destroy();
            throw new IOException(
                    command[0] + " said '" + line + "' in place of '" + ready + "'; see " + errors);
        }
        return new Program(process, output, line.substring(ready.length()).trim());
    }

    /** The rest of its first line. */
    String said() {
        return said;
    }

    /** Gives it a line of input. */
    synchronized void tell(String line) throws IOException {
        process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().flush();
    }

    /** Takes each further line that it says. */
    void eachLine(Consumer<String> line) {
        Thread reader = new Thread(() -> output.lines().forEach(line), "lines");
        reader.setDaemon(true);
        reader.start();
    }

    @Override
    public void close() {
        try {
            process.getOutputStream().close();
            if (process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
                return;
            }
        } catch (IOException e) {
            // It is gone, or will be.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        process.destroyForcibly();
    }
}
