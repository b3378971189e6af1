package org.modelfailover.executor;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;

/**
 * Finds and loads the native library: first by {@code java.library.path}, then from this jar's
 * {@code /native/<os>-<arch>/}. A copy of its own for each class loader, because the JVM binds a
 * library file to one loader; that keeps a reloaded bundle working.
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

    static synchronized void load() {
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
            Path copy = Files.createTempFile("model-failover-", "-" + fileName(resource));
            try {
                Files.copy(in, copy, StandardCopyOption.REPLACE_EXISTING);
                System.load(copy.toString());
            } finally {
                // A loaded library stays mapped where the platform lets its file go.
                if (!copy.toFile().delete()) {
                    copy.toFile().deleteOnExit();
                }
            }
        } catch (IOException e) {
            UnsatisfiedLinkError error =
                    new UnsatisfiedLinkError("the native library could not be unpacked: " + e);
            error.initCause(e);
            throw error;
        }
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
