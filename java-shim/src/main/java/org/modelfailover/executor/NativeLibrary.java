package org.modelfailover.executor;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Finds and loads the native library: first by {@code java.library.path}, then from this jar's
 * {@code /native/<os>-<arch>/}. A copy of its own for each class loader, because the JVM binds a
 * library file to one loader; that keeps a reloaded bundle working.
 *
 * <p>The copy stays for as long as the JVM uses it: without it a native stack trace names nothing.
 * Older copies go when the next one is made, those that a killed JVM has left behind too.
 */
public final class NativeLibrary {
    private static final String NAME = "model_failover";

    private static volatile boolean loaded;

    private NativeLibrary() {}

    /**
     * @return whether this bundle has loaded the library
     */
    public static boolean isLoaded() {
        return loaded;
    }

    /**
     * Loads it, once. Only for the initialiser of {@link NativeObject}: the library asks for that
     * class while it is loaded, and would wait for another thread that is about to load it.
     */
    static void load() {
        find();
        loaded = true;
    }

    private static void find() {
        try {
            System.loadLibrary(NAME);
            return;
        } catch (UnsatisfiedLinkError e) {
            // Not installed on its own, or bound to another loader already: the jar has one.
        }
        String resource = resource();
        try (InputStream in = NativeLibrary.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new UnsatisfiedLinkError(
                        "no native library for this platform: "
                                + resource
                                + " is not in the bundle, and "
                                + System.mapLibraryName(NAME)
                                + " is not on java.library.path");
            }
            String suffix = "-" + fileName(resource);
            Path copy = Files.createTempFile(prefix(ProcessHandle.current().pid()), suffix);
            copy.toFile().deleteOnExit();
            try {
                Files.copy(in, copy, StandardCopyOption.REPLACE_EXISTING);
                System.load(copy.toString());
            } catch (IOException | Error e) {
                copy.toFile().delete();
                throw e;
            }
            deleteOthers(copy, suffix);
        } catch (IOException e) {
            UnsatisfiedLinkError error =
                    new UnsatisfiedLinkError("the native library could not be unpacked: " + e);
            error.initCause(e);
            throw error;
        }
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

    private static String resource() {
        String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        String platform = os.startsWith("mac") ? "macos" : os.startsWith("win") ? "windows" : os;
        String arch = System.getProperty("os.arch");
        arch = arch.equals("amd64") ? "x86_64" : arch.equals("arm64") ? "aarch64" : arch;
        return "/native/" + platform + "-" + arch + "/" + System.mapLibraryName(NAME);
    }

    private static String fileName(String resource) {
        return resource.substring(resource.lastIndexOf('/') + 1);
    }
}
