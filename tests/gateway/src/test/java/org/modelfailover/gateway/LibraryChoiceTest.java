package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.modelfailover.executor.NativeLibrary;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Which native library a server takes, and what it says when there is none for it. */
class LibraryChoiceTest {
    private static final String FILE = System.mapLibraryName("model_failover");
    private static final String PLATFORM =
            "linux-" + System.getProperty("os.arch").replace("amd64", "x86_64");

    @TempDir Path folder;
    private Path tmp;
    private Path natives;

    @BeforeEach
    void linuxOnly() throws IOException {
        assumeTrue(new File("/proc/self/maps").exists(), "skipped: not a Linux");
        tmp = Files.createDirectory(folder.resolve("tmp"));
        natives = folder.resolve("classes/native");
    }

    /** Puts a library in front of those in the jar. */
    private void inFront(String platform, byte[] library) throws IOException {
        Files.createDirectories(natives.resolve(platform));
        Files.write(natives.resolve(platform).resolve(FILE), library);
    }

    private static byte[] library() throws IOException {
        try (InputStream in =
                NativeLibrary.class.getResourceAsStream("/native/" + PLATFORM + "/" + FILE)) {
            return in.readAllBytes();
        }
    }

    private List<String> java(String... options) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-Djava.io.tmpdir=" + tmp);
        command.add("-Djava.library.path=" + tmp);
        command.addAll(List.of(options));
        command.addAll(
                List.of(
                        "-cp",
                        folder.resolve("classes")
                                + File.pathSeparator
                                + System.getProperty("java.class.path"),
                        LibraryProbe.class.getName()));
        return command;
    }

    private static String run(List<String> command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), out);
        return out;
    }

    private static void assertSays(String out, String... parts) {
        for (String part : parts) {
            assertTrue(out.contains(part), "no word of '" + part + "': " + out);
        }
    }

    @Test
    void theOneForThisPlatformComesOutOfTheBundle() throws Exception {
        assertSays(run(java()), "loaded " + PLATFORM + " (in the bundle", tmp.toString());
    }

    @Test
    void theFileThatThePropertyNamesIsTakenAndNoOther() throws Exception {
        Path file = folder.resolve("mine.so");
        Files.write(file, library());
        assertSays(
                run(java("-Dmodel.failover.native=" + file)),
                "loaded " + file + " (-Dmodel.failover.native)");

        Files.delete(file);
        String out = run(java("-Dmodel.failover.native=" + file));
        assertSays(out, "failed no native library could be loaded", file.toString());
        assertTrue(!out.contains(PLATFORM), "another one was tried: " + out);
    }

    @Test
    void theOtherOneIsTriedWhenTheLikelierOneCantBeLoaded() throws Exception {
        inFront(PLATFORM, "not a library".getBytes(StandardCharsets.UTF_8));
        inFront(PLATFORM + "-musl", library());
        assertSays(run(java()), "loaded " + PLATFORM + "-musl");
    }

    @Test
    void whatWasTriedIsSaidWithItsReason() throws Exception {
        inFront(PLATFORM, "not a library".getBytes(StandardCharsets.UTF_8));
        inFront(PLATFORM + "-musl", new byte[0]);
        assertSays(
                run(java()),
                "java.library.path",
                PLATFORM + ": ",
                "file too short",
                PLATFORM + "-musl: ",
                "-Dmodel.failover.native=FILE");
    }

    @Test
    void aPlatformThatTheBundleLacksIsNamed() throws Exception {
        assertSays(run(java("-Dos.arch=s390x")), "linux-s390x: not in this bundle");
    }

    @Test
    void theFolderForTheCopyCanBeNamed() throws Exception {
        Path other = Files.createDirectory(folder.resolve("other"));
        assertSays(
                run(java("-Dmodel.failover.tmpdir=" + other)), "unpacked to " + other.toString());
    }

    @Test
    void aFolderThatIsNotThereIsNamedWithTheCure() throws Exception {
        assertSays(
                run(java("-Dmodel.failover.tmpdir=/nowhere")),
                "there is no folder /nowhere",
                "-Dmodel.failover.tmpdir=DIR");
    }

    @Test
    void aFolderThatIsNotExecutableIsNamedWithTheCure() throws Exception {
        assertSays(mountedAs("noexec"), "the folder " + tmp + " is mounted noexec", "=DIR");
    }

    @Test
    void aFolderThatIsReadOnlyIsNamedWithTheCure() throws Exception {
        assertSays(mountedAs("ro"), "the folder " + tmp + " is mounted read-only", "=DIR");
    }

    /** What it says with a temporary folder that is mounted so, in a mount namespace of its own. */
    private String mountedAs(String option) throws Exception {
        List<String> command = new ArrayList<>(List.of("unshare", "-m", "sh", "-c"));
        command.add("mount -t tmpfs -o " + option + " tmpfs \"$0\" && exec \"$@\"");
        command.add(tmp.toString());
        List<String> probe = new ArrayList<>(command);
        probe.add("true");
        assumeTrue(canRun(probe), "skipped: this user may mount nothing");
        command.addAll(java());
        return run(command);
    }

    private static boolean canRun(List<String> command) throws InterruptedException {
        try {
            return new ProcessBuilder(command).start().waitFor() == 0;
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void aFolderThatTheUserMayNotWriteToIsNamedWithTheCure() throws Exception {
        tmp.toFile().setWritable(false);
        List<String> command = new ArrayList<>();
        if (Files.isWritable(tmp)) {
            // Root may write everywhere.
            command.addAll(List.of("setpriv", "--reuid", "65534", "--clear-groups"));
            List<String> probe = new ArrayList<>(command);
            probe.addAll(List.of("ls", folder.toString()));
            assumeTrue(
                    folder.toFile().setExecutable(true, false)
                            && folder.toFile().setReadable(true, false)
                            && canRun(probe),
                    "skipped: no other user to be");
        }
        command.addAll(java());
        assertSays(run(command), "the folder " + tmp + " is not writable for the server's user");
    }
}
