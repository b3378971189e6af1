package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A defect in the native code is an exception in Java that a developer can find the place by. */
class PanicTest {
    private static final String LIBRARY = "native.test.library.dir";

    @Test
    void aPanicIsAnExceptionWithBothStacks() throws IOException, InterruptedException {
        assumeTrue(
                System.getProperty(LIBRARY) != null,
                "skipped: needs a native library with the feature test-natives (cargo build -p"
                        + " failover-jni --features test-natives); name its folder with -D"
                        + LIBRARY);
        String message = "what was impossible: ä€";
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-Dfile.encoding=UTF-8",
                                "-Djava.library.path=" + System.getProperty(LIBRARY),
                                "-cp",
                                System.getProperty("java.class.path"),
                                PanicProbe.class.getName(),
                                message)
                        .redirectErrorStream(true)
                        .start();
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        assertEquals(0, process.waitFor(), out);
        assertTrue(out.contains("NativePanicException"), out);
        assertTrue(out.contains(message), "the Rust message: " + out);
        assertTrue(out.contains("panic_probe"), "the place in the Rust code: " + out);
        assertTrue(out.contains("PanicProbe.theCaller"), "the Java stack: " + out);
        assertTrue(out.contains(PanicProbe.STILL_ALIVE), out);
        assertEquals(3, out.split("NativePanicException", -1).length - 1, "each time: " + out);
    }
}
