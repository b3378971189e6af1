package org.modelfailover.executor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** How Linux has mounted a folder, such as {@code ro} or {@code noexec}. */
final class MountOptions {
    private static final Path MOUNTS = Paths.get("/proc/self/mountinfo");

    private MountOptions() {}

    /**
     * @return the options of the mount that the folder is in; none where that can't be told
     */
    static List<String> of(Path folder) {
        List<String> options = Collections.emptyList();
        try {
            Path real = folder.toRealPath();
            int depth = -1;
            // id parent major:minor root mount-point options …; the last of a mount point counts.
            for (String line : Files.readAllLines(MOUNTS)) {
                String[] fields = line.split(" ");
                Path point = Paths.get(fields[4].replace("\\040", " "));
                if (real.startsWith(point) && point.getNameCount() >= depth) {
                    depth = point.getNameCount();
                    options = Arrays.asList(fields[5].split(","));
                }
            }
        } catch (IOException | RuntimeException e) {
            return Collections.emptyList();
        }
        return options;
    }
}
