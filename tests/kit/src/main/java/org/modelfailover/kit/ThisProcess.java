package org.modelfailover.kit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What this process, or another one, holds: as Linux tells it under {@code /proc}. */
public final class ThisProcess {
    private ThisProcess() {}

    /** The threads, native ones too, counted by the first letters of their names. */
    public static Map<String, Long> threads() throws IOException {
        Map<String, Long> threads = new HashMap<>();
        try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
            for (Path task : tasks.toList()) {
                try {
                    String name = Files.readString(task.resolve("comm")).trim();
                    threads.merge(name, 1L, Long::sum);
                } catch (NoSuchFileException e) {
                    // It ended meanwhile.
                }
            }
        }
        return threads;
    }

    /** How many threads there are, native ones too. */
    public static long threadCount() throws IOException {
        return count("/proc/self/task");
    }

    /** How many file descriptors are open. */
    public static long files() throws IOException {
        return count("/proc/self/fd");
    }

    private static long count(String folder) throws IOException {
        try (Stream<Path> entries = Files.list(Path.of(folder))) {
            return entries.count();
        }
    }

    /** The resident memory in bytes, after a collection of garbage. */
    public static long memory() throws IOException {
        System.gc();
        return resident("self");
    }

    /**
     * A process's resident memory in bytes; 0 when there is no such process.
     *
     * @param process its id, or {@code self}
     */
    public static long resident(String process) throws IOException {
        Path status = Path.of("/proc", process, "status");
        List<String> lines = Files.exists(status) ? Files.readAllLines(status) : List.of();
        return lines.stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
                .findFirst()
                .orElse(0);
    }

    /** Workers of the transport with a frame of the policy, or with anything to do at all. */
    public static List<String> busyWorkers() {
        return Thread.getAllStackTraces().entrySet().stream()
                .filter(thread -> thread.getKey().getName().startsWith("PassThroughMessageProc"))
                .filter(
                        thread ->
                                thread.getKey().getState() == Thread.State.RUNNABLE
                                        || Arrays.stream(thread.getValue())
                                                .anyMatch(ThisProcess::isOurs))
                .map(thread -> thread.getKey() + " " + Arrays.toString(thread.getValue()))
                .collect(Collectors.toList());
    }

    private static boolean isOurs(StackTraceElement frame) {
        return frame.getClassName().startsWith("org.modelfailover.");
    }
}
