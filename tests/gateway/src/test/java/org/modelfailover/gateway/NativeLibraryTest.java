package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.modelfailover.executor.Executor;

import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/** The copy of the native library that the bundle unpacks: names for stack traces, no leftovers. */
class NativeLibraryTest {
    @TempDir Path folder;

    private static String run(Path tmp, String classPath, Class<?> main, String... args)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-Dfile.encoding=UTF-8");
        command.add("-Djava.io.tmpdir=" + tmp);
        // Not a library that is installed on its own.
        command.add("-Djava.library.path=" + tmp);
        command.addAll(List.of("-cp", classPath, main.getName()));
        command.addAll(List.of(args));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), out);
        return out;
    }

    private static File shim() throws URISyntaxException {
        return new File(Executor.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    }

    private static TreeSet<String> files(Path folder) {
        return new TreeSet<>(List.of(folder.toFile().list()));
    }

    @Test
    void aPanicNamesItsFunctionsWhenTheLibraryCameOutOfTheBundle() throws Exception {
        String built = System.getProperty("native.test.library.dir");
        assumeTrue(built != null, "skipped: see PanicTest");
        String name = System.mapLibraryName("model_failover");
        // In front of the one in the jar.
        Path natives = folder.resolve("classes/native/" + platform());
        Files.createDirectories(natives);
        Files.copy(Path.of(built, name), natives.resolve(name));
        Path tmp = Files.createDirectory(folder.resolve("tmp"));
        String classPath =
                folder.resolve("classes")
                        + File.pathSeparator
                        + System.getProperty("java.class.path");

        String out = run(tmp, classPath, PanicProbe.class, "what was impossible");

        String stack = out.substring(out.lastIndexOf("what was impossible"));
        assertTrue(stack.contains("PanicProbe_panic"), "a function of ours, each time: " + out);
        assertTrue(stack.contains("rust_begin_unwind"), "one of the library's own: " + out);
        assertEquals(new TreeSet<>(), files(tmp), "what is left when the JVM has ended");
    }

    private static String platform() {
        String arch = System.getProperty("os.arch");
        return (System.getProperty("os.name").startsWith("Mac") ? "macos-" : "linux-")
                + (arch.equals("amd64") ? "x86_64" : arch);
    }

    @Test
    void hundredReloadsLeaveNoFiles() throws Exception {
        String out =
                run(
                        folder,
                        System.getProperty("java.class.path"),
                        ReloadProbe.class,
                        shim().toString(),
                        "100");

        assertTrue(out.contains("at most 1 files"), out);
        assertEquals(new TreeSet<>(), files(folder), "what is left when the JVM has ended");
    }

    @Test
    void whatAKilledJvmHasLeftBehindGoesAtTheNextStart() throws Exception {
        long dead = new ProcessBuilder("true").start().onExit().get().pid();
        String name = System.mapLibraryName("model_failover");
        String left = "model-failover-" + dead + "-123-" + name;
        String living = "model-failover-" + ProcessHandle.current().pid() + "-123-" + name;
        TreeSet<String> others =
                new TreeSet<>(
                        List.of(
                                living,
                                "model-failover-x-1-" + name,
                                "model-failover-99999999999999999999-1-" + name,
                                "model-failover-" + dead + "-notes.txt",
                                "somebody-elses"));
        for (String file : others) {
            Files.createFile(folder.resolve(file));
        }
        Files.createFile(folder.resolve(left));

        run(
                folder,
                System.getProperty("java.class.path"),
                ReloadProbe.class,
                shim().toString(),
                "1");

        assertEquals(others, files(folder));
    }
}
