package org.modelfailover.executor;

import org.tukaani.xz.XZInputStream;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Finds and loads the native library: the file that {@code -Dmodel.failover.native} names, and no
 * other; else by {@code java.library.path}; else from this jar's {@code /native/<platform>/}, in
 * the order of {@link NativePlatform}. A copy of its own for each class loader, because the JVM
 * binds a library file to one loader; that keeps a reloaded bundle working.
 *
 * <p>The copy stays for as long as the JVM uses it: without it a native stack trace names nothing.
 * Older copies go when the next one is made, those that a killed JVM has left behind too.
 */
public final class NativeLibrary {
    /** The system property that names the library's file. */
    public static final String FILE_PROPERTY = "model.failover.native";

    /** The system property that names the folder for the copy; {@code java.io.tmpdir} else. */
    public static final String FOLDER_PROPERTY = "model.failover.tmpdir";

    private static final String NAME = "model_failover";

    /**
     * The most memory that decompression may take, in KiB: 65 MiB are what the best preset asks
     * for.
     */
    private static final int MOST_MEMORY = 80 * 1024;

    private static volatile String source;
    private static volatile String failure;

    private NativeLibrary() {}

    /**
     * @return whether this bundle has loaded the library
     */
    public static boolean isLoaded() {
        return source != null;
    }

    /**
     * Loads the library, unless that was tried before.
     *
     * @return whether it is there
     */
    public static boolean isAvailable() {
        if (source == null && failure == null) {
            try {
                NativeObject.load();
            } catch (LinkageError e) {
                failed(e);
            }
        }
        return isLoaded();
    }

    private static synchronized void failed(LinkageError e) {
        if (failure == null) {
            failure = e.toString();
        }
    }

    /**
     * @return which library was loaded, and from where; null when none is
     */
    public static String source() {
        return source;
    }

    /**
     * @return what was tried, and why each failed; null when nothing has
     */
    public static String failure() {
        return failure;
    }

    /**
     * Loads it, once. Only for the initialiser of {@link NativeObject}: the library asks for that
     * class while it is loaded, and would wait for another thread that is about to load it.
     */
    static void load() {
        List<String> tried = new ArrayList<>();
        String found = find(tried);
        if (found == null) {
            failure =
                    "no native library could be loaded. Tried: "
                            + String.join("; ", tried)
                            + ". "
                            + "-D"
                            + FILE_PROPERTY
                            + "=FILE names one that is there";
            throw new UnsatisfiedLinkError(failure);
        }
        source = found;
    }

    private static String find(List<String> tried) {
        String named = System.getProperty(FILE_PROPERTY);
        if (named != null) {
            try {
                System.load(Paths.get(named).toAbsolutePath().toString());
                return named + " (-D" + FILE_PROPERTY + ")";
            } catch (UnsatisfiedLinkError e) {
                tried.add(named + " (-D" + FILE_PROPERTY + "): " + reason(e, Paths.get(named)));
                return null;
            }
        }
        try {
            System.loadLibrary(NAME);
            return System.mapLibraryName(NAME) + " (java.library.path)";
        } catch (UnsatisfiedLinkError e) {
            // Not installed on its own, or bound to another loader already: the jar has one.
            tried.add(System.mapLibraryName(NAME) + " on java.library.path: " + e.getMessage());
        }
        for (String platform : NativePlatform.candidates()) {
            String found = fromBundle(platform, tried);
            if (found != null) {
                return found;
            }
        }
        return null;
    }

    private static String fromBundle(String platform, List<String> tried) {
        String file = System.mapLibraryName(NAME);
        String resource = "/native/" + platform + "/" + file;
        try (InputStream in = resource(resource)) {
            if (in == null) {
                tried.add(platform + ": not in this bundle");
                return null;
            }
            Path copy = unpacked(in, "-" + file);
            try {
                System.load(copy.toString());
            } catch (UnsatisfiedLinkError e) {
                tried.add(platform + ": " + reason(e, copy));
                Files.deleteIfExists(copy);
                return null;
            }
            deleteOthers(copy, "-" + file);
            return platform + " (in the bundle, unpacked to " + copy + ")";
        } catch (IOException e) {
            tried.add(platform + ": could not be unpacked: " + unpackingReason(e));
            return null;
        }
    }

    /** What is there of this name, or compressed under this name: null when neither is. */
    private static InputStream resource(String name) throws IOException {
        InputStream plain = NativeLibrary.class.getResourceAsStream(name);
        if (plain != null) {
            return plain;
        }
        InputStream packed = NativeLibrary.class.getResourceAsStream(name + ".xz");
        return packed == null ? null : new XZInputStream(packed, MOST_MEMORY);
    }

    private static Path folder() {
        String named = System.getProperty(FOLDER_PROPERTY);
        return Paths.get(named != null ? named : System.getProperty("java.io.tmpdir"))
                .toAbsolutePath();
    }

    private static Path unpacked(InputStream in, String suffix) throws IOException {
        String prefix = prefix(ProcessHandle.current().pid());
        Path copy = Files.createTempFile(folder(), prefix, suffix);
        copy.toFile().deleteOnExit();
        try {
            Files.copy(in, copy, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException | Error e) {
            Files.deleteIfExists(copy);
            throw e;
        }
        return copy;
    }

    private static String unpackingReason(IOException e) {
        Path folder = folder();
        String what;
        if (!Files.isDirectory(folder)) {
            what = "there is no folder " + folder;
        } else if (MountOptions.of(folder).contains("ro")) {
            what = "the folder " + folder + " is mounted read-only";
        } else if (e instanceof AccessDeniedException || !Files.isWritable(folder)) {
            what = "the folder " + folder + " is not writable for the server's user";
        } else {
            return "the folder " + folder + ": " + e;
        }
        return what + cure();
    }

    private static String reason(UnsatisfiedLinkError e, Path library) {
        Path folder = library.toAbsolutePath().getParent();
        if (Files.exists(library) && MountOptions.of(folder).contains("noexec")) {
            return "the folder " + folder + " is mounted noexec" + cure();
        }
        return e.getMessage();
    }

    private static String cure() {
        return ", name another one with -D" + FOLDER_PROPERTY + "=DIR";
    }

    private static String prefix(Object pid) {
        return "model-failover-" + pid + "-";
    }

    /** Deletes copies that nobody needs: of class loaders before this one, and of dead JVMs. */
    private static void deleteOthers(Path copy, String suffix) {
        Pattern name = Pattern.compile(prefix("(\\d{1,18})") + ".*" + Pattern.quote(suffix));
        File[] files = copy.getParent().toFile().listFiles();
        for (File other : files == null ? new File[0] : files) {
            Matcher found = name.matcher(other.getName());
            if (found.matches()
                    && !other.equals(copy.toFile())
                    && !isAnotherLiving(Long.parseLong(found.group(1)))) {
                // One that is mapped stays so; where it can't be deleted then, a later start does.
                other.delete();
            }
        }
    }

    private static boolean isAnotherLiving(long pid) {
        return pid != ProcessHandle.current().pid() && ProcessHandle.of(pid).isPresent();
    }
}
