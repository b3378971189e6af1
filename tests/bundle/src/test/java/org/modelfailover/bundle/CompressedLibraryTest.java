package org.modelfailover.bundle;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.function.UnaryOperator;

/** A library as a release has it: compressed. */
class CompressedLibraryTest {
    private static final String LIBRARY = System.getProperty("bundle.native");

    @TempDir Path folder;

    /** What the bundle's own check says, with a library that is compressed and then changed. */
    private String check(UnaryOperator<byte[]> change) throws Exception {
        Path copy = folder.resolve("model-failover-9.9.9.jar");
        Jars.changed(
                Path.of(System.getProperty("bundle.jar")),
                copy,
                (name, content) ->
                        name.equals(LIBRARY)
                                ? Map.entry(name + ".xz", change.apply(compressed(content)))
                                : Map.entry(name, content));
        Process check =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-Dmodel.failover.tmpdir=" + folder,
                                "-cp",
                                copy.toString(),
                                "org.modelfailover.executor.SelfCheck")
                        .redirectErrorStream(true)
                        .start();
        check.getOutputStream().close();
        String said = new String(check.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        check.waitFor();
        return said;
    }

    private static byte[] compressed(byte[] content) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var xz = new XZOutputStream(bytes, new LZMA2Options(1))) {
            xz.write(content);
        }
        return bytes.toByteArray();
    }

    @Test
    void itIsUnpackedAndLoaded() throws Exception {
        String said = check(whole -> whole);
        assertTrue(said.contains("ok library: "), said);
    }

    @Test
    void oneThatIsDamagedIsNamed() throws Exception {
        String said = check(whole -> Arrays.copyOf(whole, whole.length / 2));
        assertTrue(
                said.contains("fault library: ") && said.contains("could not be unpacked"), said);
        String[] left = folder.toFile().list((in, name) -> name.endsWith(".so"));
        assertTrue(left.length == 0, "left behind: " + Arrays.toString(left));
    }
}
