package org.modelfailover.gateway;

import com.google.gson.Gson;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A {@link RobustGateway} that runs, and what is told to it. */
final class GatewayProcess implements AutoCloseable {
    private static final int START_SECONDS = 120;
    private static final int ANSWER_SECONDS = 60;
    private static final int STOP_SECONDS = 30;

    private final Process process;
    private final Path log;
    private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
    private final List<String> noise = new CopyOnWriteArrayList<>();
    private final List<Integer> ports = new ArrayList<>();

    private GatewayProcess(Process process, Path log) {
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
                        new ProcessBuilder(command).redirectErrorStream(true).start(), log);
        Thread reader = new Thread(started::read, "gateway's output");
        reader.setDaemon(true);
        reader.start();
        for (String port : started.answer("the start", START_SECONDS).split(" ")) {
            started.ports.add(Integer.valueOf(port));
        }
        return started;
    }

    private void read() {
        try (BufferedReader lines =
                new BufferedReader(
                        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith(RobustGateway.MARK)) {
                    answers.add(line.substring(RobustGateway.MARK.length()));
                } else {
                    noise.add(line);
                }
            }
        } catch (IOException e) {
            noise.add("its output broke: " + e);
        }
        answers.add("failed: the process has ended");
    }

    /** Tells it something and returns its answer. */
    synchronized String tell(String command) {
        try {
            process.getOutputStream().write((command + "\n").getBytes(StandardCharsets.UTF_8));
            process.getOutputStream().flush();
        } catch (IOException e) {
            throw new AssertionError("the gateway's process has ended: " + noise, e);
        }
        return answer(command, ANSWER_SECONDS);
    }

    private String answer(String to, int seconds) {
        try {
            String answer = answers.poll(seconds, TimeUnit.SECONDS);
            if (answer == null || answer.startsWith("failed")) {
                throw new AssertionError("the gateway's answer to " + to + ": " + answer + noise);
            }
            return answer;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
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
            return Footprint.resident(String.valueOf(process.pid()));
        } catch (IOException e) {
            return 0;
        }
    }

    /** What the JVM itself had to say. */
    List<String> noise() {
        return noise;
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
        try {
            process.getOutputStream().close();
            if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (IOException e) {
            process.destroyForcibly();
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
