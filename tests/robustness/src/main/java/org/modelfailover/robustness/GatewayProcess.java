package org.modelfailover.robustness;

import com.google.gson.Gson;

import org.modelfailover.kit.Program;
import org.modelfailover.kit.ThisProcess;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** A {@link RobustGateway} that runs, and what is told to it. */
final class GatewayProcess implements AutoCloseable {
    private static final Duration START_LIMIT = Duration.ofSeconds(120);
    private static final Duration ANSWER_LIMIT = Duration.ofSeconds(60);

    private final Program process;
    private final Path log;
    private final List<Integer> ports = new ArrayList<>();

    private GatewayProcess(Program process, Path log) {
        this.process = process;
        this.log = log;
    }

    /** Starts one with a gateway for each folder; {@code options} are the JVM's. */
    static GatewayProcess start(Path log, List<String> options, List<Path> folders)
            throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.add(RobustGateway.class.getName());
        command.add(log.toString());
        folders.forEach(folder -> command.add(folder.toString()));
        GatewayProcess started =
                new GatewayProcess(
                        Program.start(
                                RobustGateway.MARK,
                                RobustGateway.STARTED,
                                START_LIMIT,
                                new ProcessBuilder(command).redirectErrorStream(true)),
                        log);
        for (String port : started.process.said().split(" ")) {
            started.ports.add(Integer.valueOf(port));
        }
        return started;
    }

    /** Tells it something and returns its answer. */
    synchronized String tell(String command) {
        try {
            process.tell(command);
        } catch (IOException e) {
            throw new AssertionError("the gateway's process has ended: " + noise(), e);
        }
        String answer = process.answer(ANSWER_LIMIT);
        if (answer == null || answer.startsWith("failed")) {
            throw new AssertionError(
                    "the gateway's answer to " + command + ": " + answer + noise());
        }
        return answer;
    }

    int port(int gateway) {
        return ports.get(gateway);
    }

    boolean isAlive() {
        return process.isAlive();
    }

    int openCalls() {
        return Integer.parseInt(tell("calls"));
    }

    Footprint footprint() {
        return new Gson().fromJson(tell("footprint"), Footprint.class);
    }

    /** Its resident memory in bytes. */
    long resident() {
        try {
            return ThisProcess.resident(String.valueOf(process.pid()));
        } catch (IOException e) {
            return 0;
        }
    }

    /** What the JVM itself had to say. */
    List<String> noise() {
        return process.noise();
    }

    /** The log's entries, each with its stack trace. */
    List<String> logged() {
        List<String> entries = new ArrayList<>();
        try (Stream<String> lines = Files.lines(log)) {
            lines.forEach(
                    line -> {
                        if (line.matches("\\d{4}-\\d\\d-.*") || entries.isEmpty()) {
                            entries.add(line);
                        } else {
                            int last = entries.size() - 1;
                            entries.set(last, entries.get(last) + "\n" + line);
                        }
                    });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return entries;
    }

    @Override
    public void close() {
        process.close();
    }
}
