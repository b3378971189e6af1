package org.modelfailover.executor;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.List;
import java.util.Locale;

/**
 * Which of the bundle's libraries may fit this process: a folder of {@code /native/} each, such as
 * {@code linux-x86_64} or, for the C library musl, {@code linux-x86_64-musl}.
 */
public final class NativePlatform {
    private static final Path MAPS = Paths.get("/proc/self/maps");
    private static final String MUSL_LOADER = "ld-musl-";

    private NativePlatform() {}

    /** Those for this process, the likeliest first. */
    static List<String> candidates() {
        String arch = System.getProperty("os.arch");
        return candidates(
                System.getProperty("os.name"), arch, mapped(), new File(loader(arch)).exists());
    }

    /**
     * What the process has mapped decides, because a musl can be installed beside a glibc. Where
     * that can't be read or tells nothing, the loader's file does. The other one comes last.
     *
     * @param os {@code os.name}
     * @param arch {@code os.arch}
     * @param maps the text of {@code /proc/self/maps}, empty when there is none
     * @param muslLoader whether musl's loader is there
     * @return names of folders, the likeliest first
     */
    public static List<String> candidates(String os, String arch, String maps, boolean muslLoader) {
        String name = os.toLowerCase(Locale.ROOT);
        String cpu = cpu(arch);
        if (name.startsWith("mac")) {
            return List.of("macos-" + cpu);
        }
        if (name.startsWith("win")) {
            return List.of("windows-" + cpu);
        }
        String glibc = name + "-" + cpu;
        if (!name.equals("linux")) {
            return List.of(glibc);
        }
        boolean mapsMusl = maps.contains(MUSL_LOADER) || maps.contains("libc.musl-");
        boolean mapsGlibc = maps.contains("/libc.so.6") || maps.contains("/libc-2.");
        boolean musl = mapsMusl || (!mapsGlibc && muslLoader);
        return musl ? List.of(glibc + "-musl", glibc) : List.of(glibc, glibc + "-musl");
    }

    private static String cpu(String arch) {
        switch (arch) {
            case "amd64":
                return "x86_64";
            case "arm64":
                return "aarch64";
            default:
                return arch;
        }
    }

    private static String loader(String arch) {
        return "/lib/" + MUSL_LOADER + cpu(arch) + ".so.1";
    }

    private static String mapped() {
        try {
            return new String(Files.readAllBytes(MAPS), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }
}
