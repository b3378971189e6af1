package org.modelfailover.robustness;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where figures were taken. */
final class Machine {
    private Machine() {}

    /** Cores, processor, system and Java. */
    static String description() throws IOException {
        Path cpus = Path.of("/proc/cpuinfo");
        String processor =
                !Files.exists(cpus)
                        ? System.getProperty("os.arch")
                        : Files.readAllLines(cpus).stream()
                                .filter(line -> line.startsWith("model name"))
                                .map(line -> line.substring(line.indexOf(':') + 1).trim())
                                .findFirst()
                                .orElse(System.getProperty("os.arch"));
        return String.format(
                "%d cores of %s, %s %s, Java %s",
                Runtime.getRuntime().availableProcessors(),
                processor,
                System.getProperty("os.name"),
                System.getProperty("os.version"),
                System.getProperty("java.version"));
    }
}
