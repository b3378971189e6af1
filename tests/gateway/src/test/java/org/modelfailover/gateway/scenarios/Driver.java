package org.modelfailover.gateway.scenarios;

import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.Client;
import org.modelfailover.kit.Program;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** A gateway, started by the program that {@code GATEWAY_DRIVER} names, else {@code ./driver}. */
final class Driver implements AutoCloseable {
    private static final String OURS = "./driver";
    private static final Duration START_LIMIT = Duration.ofSeconds(300);
    private static final Duration REDEPLOY_LIMIT = Duration.ofSeconds(20);

    private final Path folder;
    private final Path log;
    private final Path errors;
    private Program process;
    private boolean redeploys = true;

    Driver(Path folder) {
        this.folder = folder.resolve("deployment");
        this.log = folder.resolve("gateway.log");
        this.errors = folder.resolve("driver.err");
    }

    /** Deploys this; the program is started, or told to redeploy, and started anew if it can't. */
    String deploy(TestDeployment deployment) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> files = Files.walk(folder)) {
                files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
            }
        }
        deployment.write(folder);
        if (process != null && redeploy()) {
            return process.said();
        }
        close();
        start();
        return process.said();
    }

    /** Deploys the folder once more; false: the program can't, and is not asked again. */
    boolean redeploy() throws IOException {
        if (!redeploys || !process.isAlive()) {
            return false;
        }
        process.tell("redeploy");
        redeploys = "redeployed".equals(process.answer(REDEPLOY_LIMIT));
        return redeploys;
    }

    private void start() throws IOException {
        Files.createDirectories(folder.getParent());
        String program = program();
        // Our own takes a free one by itself, so that nobody can come in between.
        int port = program.equals(OURS) ? 0 : Client.freePort();
        ProcessBuilder builder =
                new ProcessBuilder(program, folder.toString(), String.valueOf(port))
                        .redirectError(errors.toFile());
        builder.environment().put("GATEWAY_LOG", log.toString());
        builder.environment().put("SCENARIO_MAX_SUSPEND", "111s");
        try {
            process = Program.start("ready ", START_LIMIT, builder);
        } catch (IOException e) {
            throw new IOException(e.getMessage() + ": " + Files.readString(errors), e);
        }
    }

    /** A relative path is one from the project's root, where make runs. */
    private static String program() {
        String named = System.getenv("GATEWAY_DRIVER");
        if (named == null || named.isEmpty()) {
            return OURS;
        }
        Path fromRoot = Path.of("..", "..").resolve(named);
        return Files.exists(fromRoot) ? fromRoot.toString() : named;
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
            process.tell("stop");
        }
        process.close();
        process = null;
    }
}
