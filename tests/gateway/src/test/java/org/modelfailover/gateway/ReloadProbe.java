package org.modelfailover.gateway;

import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;

/**
 * Runs in a JVM of its own: loads the shim again and again, each time through a class loader of its
 * own, as a host does that updates a bundle, and prints how many files that has left.
 */
final class ReloadProbe {
    private ReloadProbe() {}

    public static void main(String[] args) throws Exception {
        URL jar = new File(args[0]).toURI().toURL();
        int most = 0;
        for (int i = 0; i < Integer.parseInt(args[1]); i++) {
            try (URLClassLoader loader = new URLClassLoader(new URL[] {jar}, null)) {
                Class<?> executor = loader.loadClass("org.modelfailover.executor.Executor");
                executor.getMethod("openCalls").invoke(null);
            }
            most = Math.max(most, new File(System.getProperty("java.io.tmpdir")).list().length);
        }
        System.out.println("at most " + most + " files");
    }
}
