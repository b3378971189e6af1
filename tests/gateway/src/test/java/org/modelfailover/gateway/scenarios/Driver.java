package org.modelfailover.gateway.scenarios;

import org.modelfailover.gateway.TestDeployment;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A gateway, started by the program that {@code GATEWAY_DRIVER} names, else {@code ./driver}. */
final class Driver implements AutoCloseable {
    private static final int START_SECONDS = 300;
    private static final int REDEPLOY_SECONDS = 20;
    private static final int STOP_SECONDS = 20;
    private static final String END = "\0";

    private final Path folder;
    private final Path log;
    private final Path errors;
    private final BlockingQueue<String> output = new LinkedBlockingQueue<>();
    private Process process;
    private String baseUrl;
    private boolean redeploys = true;

    Driver(Path folder) {
        this.folder = folder.resolve("deployment");
        this.log = folder.resolve("gateway.log");
        this.errors = folder.resolve("driver.err");
    }

    /** Deploys this; the program is started, or told to redeploy, and started anew if it can't. */
    String deploy(TestDeployment deployment) throws IOException, InterruptedException {
        if (Files.exists(folder)) {
            try (Stream<Path> files = Files.walk(folder)) {
                files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
            }
        }
        deployment.write(folder);
        if (process != null && redeploy()) {
            return baseUrl;
        }
        close();
        start();
        return baseUrl;
    }

    /** Deploys the folder once more; false: the program can't, and is not asked again. */
    boolean redeploy() throws IOException, InterruptedException {
        if (!redeploys || !process.isAlive()) {
            return false;
        }
        tell("redeploy");
        redeploys = "redeployed".equals(output.poll(REDEPLOY_SECONDS, TimeUnit.SECONDS));
        return redeploys;
    }

    private void start() throws IOException, InterruptedException {
        Files.createDirectories(folder.getParent());
        String program = program();
        ProcessBuilder builder =
                new ProcessBuilder(program, folder.toString(), String.valueOf(freePort()))
                        .redirectError(errors.toFile());
        builder.environment().put("GATEWAY_LOG", log.toString());
        builder.environment().put("SCENARIO_MAX_SUSPEND", "111s");
        process = builder.start();
        output.clear();
        Thread reader = new Thread(() -> read(process), "driver");
        reader.setDaemon(true);
        reader.start();
        String line = output.poll(START_SECONDS, TimeUnit.SECONDS);
        if (line == null || !line.startsWith("ready ")) {
            throw new IOException(
                    program + " said " + line + " instead of ready: " + Files.readString(errors));
        }
        baseUrl = line.substring("ready ".length()).trim();
    }

    /** A relative path is one from the project's root, where make runs. */
    private static String program() {
        String named = System.getenv("GATEWAY_DRIVER");
        if (named == null || named.isEmpty()) {
            return "./driver";
        }
        Path fromRoot = Path.of("..", "..").resolve(named);
        return Files.exists(fromRoot) ? fromRoot.toString() : named;
    }

    private void read(Process from) {
        try (BufferedReader lines =
                new BufferedReader(
                        new InputStreamReader(from.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                output.add(line);
            }
        } catch (IOException e) {
            output.add("its output broke: " + e);
        }
        output.add(END);
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    private void tell(String command) throws IOException {
        process.getOutputStream().write((command + "\n").getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().flush();
    }

    /** The log's lines that hold one of these words; nothing where the program writes no log. */
    List<String> logLines(List<String> words) {
        if (!Files.exists(log)) {
            return List.of();
        }
        try (Stream<String> lines = Files.lines(log)) {
            return lines.filter(line -> words.stream().anyMatch(line::contains)).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() throws IOException {
        if (process == null) {
            return;
        }
        if (process.isAlive()) {
            tell("stop");
        }
        try {
            if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
        process = null;
    }
}
