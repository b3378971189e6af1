package org.modelfailover.kit;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A process that answers line by line on its standard output, says on its first line that it is
 * ready, and ends when its input does: at the latest with this JVM.
 */
public final class Program implements AutoCloseable {
    private static final Duration STOP_LIMIT = Duration.ofSeconds(30);

    /** Stands behind the last line; no line holds it. */
    private static final String END = "\n";

    private final Process process;
    private final String mark;
    private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
    private final List<String> noise = new CopyOnWriteArrayList<>();
    private String said;

    private Program(Process process, String mark) {
        this.process = process;
        this.mark = mark;
    }

    /**
     * Starts it, and waits for a line that begins with {@code ready}.
     *
     * @throws IOException if another line comes, or none in time
     */
    public static Program start(String ready, Duration limit, ProcessBuilder builder)
            throws IOException {
        return start("", ready, limit, builder);
    }

    /**
     * Starts one whose answers alone begin with {@code mark}; what else it prints is {@link
     * #noise}.
     *
     * @param ready what the first answer begins with, behind the mark
     * @throws IOException if another answer comes, or none in time
     */
    public static Program start(String mark, String ready, Duration limit, ProcessBuilder builder)
            throws IOException {
        Program program = new Program(builder.start(), mark);
        Thread reader = new Thread(program::read, "output of " + builder.command().get(0));
        reader.setDaemon(true);
        reader.start();
        String first = program.answer(limit);
        if (first == null || !first.startsWith(ready)) {
            program.process.destroyForcibly();
            throw new IOException(
                    builder.command() + " said '" + first + "' in place of '" + ready + "'");
        }
        program.said = first.substring(ready.length()).trim();
        return program;
    }

    private void read() {
        try (BufferedReader lines =
                new BufferedReader(
                        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith(mark)) {
                    answers.add(line.substring(mark.length()));
                } else {
                    noise.add(line);
                }
            }
        } catch (IOException e) {
            noise.add("its output broke: " + e);
        }
        answers.add(END);
    }

    /** The rest of its first line. */
    public String said() {
        return said;
    }

    /** Gives it a line of input. */
    public synchronized void tell(String line) throws IOException {
        process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().flush();
    }

    /** Its next answer; null when none comes in time, or any more. */
    public String answer(Duration limit) {
        try {
            String answer = answers.poll(limit.toNanos(), TimeUnit.NANOSECONDS);
            if (END.equals(answer)) {
                answers.add(END);
                return null;
            }
            return answer;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Takes each further answer, on a thread of its own. */
    public void eachAnswer(Consumer<String> taker) {
        Thread thread =
                new Thread(
                        () -> {
                            try {
                                for (String one = answers.take();
                                        !one.equals(END);
                                        one = answers.take()) {
                                    taker.accept(one);
                                }
                            } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                            }
                        },
                        "answers");
        thread.setDaemon(true);
        thread.start();
    }

    /** What it has printed beside its answers. */
    public List<String> noise() {
        return noise;
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    public long pid() {
        return process.pid();
    }

    /** Ends its input and waits until it is gone, by force after 30 s. */
    @Override
    public void close() {
        try {
            process.getOutputStream().close();
            if (process.waitFor(STOP_LIMIT.toSeconds(), TimeUnit.SECONDS)) {
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
