package org.modelfailover.apimanager;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Without a native library requests go to the target by API Manager's own means. */
class WithoutLibraryTest {
    @TempDir Path folder;

    @Test
    void requestsGoToTheTargetTheHostsOwnWay() throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-Dmodel.failover.native=/nowhere/mine.so");
        for (String name : List.of("carbon.home", "provider.binary", "java.io.tmpdir")) {
            command.add("-D" + name + "=" + System.getProperty(name));
        }
        command.add("-XX:TieredStopAtLevel=1");
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.addAll(List.of(WithoutLibrary.class.getName(), folder.toString()));
        Process process =
                new ProcessBuilder(command)
                        .redirectError(folder.resolve("errors").toFile())
                        .start();
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        assertEquals(0, process.waitFor(), out);
        assertEquals(
                """
                library: false
                healthy: 200 two/gpt-a/Bearer sk-two
                failing: 503 two/gpt-a/Bearer sk-two
                another model: 200 default/gpt-c/Bearer sk-default
                unreadable: 200 default/gpt-a/Bearer sk-default
                """,
                out.lines()
                        .filter(
                                line ->
                                        line.matches(
                                                "(library|healthy|failing|another"
                                                        + " model|unreadable): .*"))
                        .collect(Collectors.joining("\n", "", "\n")));
    }
}
