package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.modelfailover.executor.NativePlatform;

import java.util.List;

/** Which of the bundle's libraries is tried first. */
class NativePlatformTest {
    private static final String GLIBC = "7f0 r-xp 00 08:01 1 /usr/lib/x86_64-linux-gnu/libc.so.6\n";
    private static final String OLD_GLIBC = "7f0 r-xp 00 08:01 1 /lib64/libc-2.17.so\n";
    private static final String MUSL = "7f0 r-xp 00 08:01 1 /lib/ld-musl-x86_64.so.1\n";

    @Test
    void whatTheProcessHasMappedDecides() {
        assertEquals(List.of("linux-x86_64", "linux-x86_64-musl"), of("amd64", GLIBC, false));
        assertEquals(List.of("linux-x86_64", "linux-x86_64-musl"), of("amd64", OLD_GLIBC, false));
        assertEquals(List.of("linux-x86_64-musl", "linux-x86_64"), of("amd64", MUSL, true));
        assertEquals(List.of("linux-aarch64", "linux-aarch64-musl"), of("aarch64", GLIBC, false));
    }

    @Test
    void aMuslThatIsInstalledBesideGlibcDoesNotCount() {
        assertEquals(List.of("linux-x86_64", "linux-x86_64-musl"), of("amd64", GLIBC, true));
    }

    @Test
    void theLoadersFileDecidesWhereTheMapsTellNothing() {
        assertEquals(List.of("linux-aarch64-musl", "linux-aarch64"), of("aarch64", "", true));
        assertEquals(List.of("linux-aarch64", "linux-aarch64-musl"), of("aarch64", "", false));
    }

    @Test
    void otherSystemsHaveOneEach() {
        assertEquals(
                List.of("macos-aarch64"),
                NativePlatform.candidates("Mac OS X", "aarch64", "", false));
        assertEquals(
                List.of("windows-x86_64"),
                NativePlatform.candidates("Windows Server 2022", "amd64", "", false));
    }

    private static List<String> of(String arch, String maps, boolean muslLoader) {
        return NativePlatform.candidates("Linux", arch, maps, muslLoader);
    }
}
