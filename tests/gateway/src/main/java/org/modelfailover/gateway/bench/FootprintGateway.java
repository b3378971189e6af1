package org.modelfailover.gateway.bench;

import com.sun.management.ThreadMXBean;

import org.modelfailover.gateway.DeploymentFolder;
import org.modelfailover.gateway.EmbeddedGateway;
import org.modelfailover.gateway.GatewayLog;
import org.modelfailover.kit.ThisProcess;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A gateway as a process that says what it takes: {@code FootprintGateway <deployment folder> <log
 * file>}.
 *
 * <p>Prints {@code ready <API's address>}, then reads lines: {@code allocated} prints {@code
 * allocated <bytes that its threads have allocated in the heap so far>}, {@code footprint} collects
 * garbage and prints {@code footprint <heap>,<direct>,<resident>,<threads>,<busy workers>}, the
 * first three in bytes; {@code deploy <folder>} deploys each API that has a folder there beside the
 * first one, and prints {@code deploy <milliseconds>}. The end of the input ends it.
 *
 * <p>Resident is everything but the heap, provided that the JVM has a heap of fixed size that was
 * touched at the start ({@code -Xms}, {@code -Xmx}, {@code -XX:+AlwaysPreTouch}).
 */
public final class FootprintGateway {
    /** A soft reference or a cleaner needs a second collection. */
    private static final int COLLECTIONS = 2;

    private FootprintGateway() {}

    /** See the class. */
    public static void main(String[] arguments) throws IOException {
        GatewayLog.to(Path.of(arguments[1]));
        try (EmbeddedGateway gateway =
                EmbeddedGateway.start(DeploymentFolder.read(Path.of(arguments[0])), 0)) {
            System.out.println("ready " + gateway.baseUrl());
            BufferedReader commands =
                    new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line = commands.readLine(); line != null; line = commands.readLine()) {
                System.out.println(answer(gateway, line.split(" ", 2)));
            }
        }
        // The engine's own threads are no daemons and outlive its shutdown.
        Runtime.getRuntime().exit(0);
    }

    private static String answer(EmbeddedGateway gateway, String[] command) throws IOException {
        return command[0]
                + " "
                + switch (command[0]) {
                    case "allocated" -> allocatedBytes();
                    case "footprint" -> footprint();
                    case "deploy" -> deployMillis(gateway, Path.of(command[1]));
                    default -> "unknown";
                };
    }

    /** Without reading the folders, which API Manager does not do either. */
    private static long deployMillis(EmbeddedGateway gateway, Path folder) throws IOException {
        List<DeploymentFolder> apis = new ArrayList<>();
        try (Stream<Path> folders = Files.list(folder)) {
            folders.sorted().map(DeploymentFolder::read).forEach(apis::add);
        }
        long began = System.nanoTime();
        apis.forEach(gateway::add);
        return (System.nanoTime() - began) / 1_000_000;
    }

    private static long allocatedBytes() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long[] each = threads.getThreadAllocatedBytes(threads.getAllThreadIds());
        // Of one that has ended meanwhile: -1.
        return Arrays.stream(each).filter(bytes -> bytes > 0).sum();
    }

    private static String footprint() throws IOException {
        MemoryMXBean memory = ManagementFactory.getMemoryMXBean();
        for (int i = 0; i < COLLECTIONS; i++) {
            memory.gc();
        }
        long heap = memory.getHeapMemoryUsage().getUsed();
        long committed = memory.getHeapMemoryUsage().getCommitted();
        long direct =
                ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                        .mapToLong(BufferPoolMXBean::getMemoryUsed)
                        .sum();
        Map<Thread, StackTraceElement[]> threads = Thread.getAllStackTraces();
        long busy =
                threads.entrySet().stream()
                        .filter(e -> e.getKey().getName().startsWith("PassThroughMessageProcessor"))
                        .filter(e -> Arrays.stream(e.getValue()).noneMatch(FootprintGateway::idle))
                        .count();
        return Stream.of(
                        heap,
                        direct,
                        ThisProcess.resident("self") - committed,
                        (long) threads.size(),
                        busy)
                .map(String::valueOf)
                .reduce((a, b) -> a + "," + b)
                .orElseThrow();
    }

    /** The frame in which a worker waits for something to do. */
    private static boolean idle(StackTraceElement frame) {
        return frame.getMethodName().equals("getTask");
    }
}
