package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.modelfailover.kit.Client;
import org.modelfailover.kit.FailoverConfigs;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** A gateway for which there is no native library: its APIs serve, without failover. */
@Timeout(120)
class WithoutLibraryTest {
    @TempDir Path folder;
    private final RecordingProvider provider = provider();
    private Process driver;

    private static RecordingProvider provider() {
        try {
            return new RecordingProvider();
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @AfterEach
    void stop() {
        if (driver != null) {
            driver.destroyForcibly();
        }
        provider.close();
    }

    @Test
    void requestsGoTheHostsOwnWayAndOneErrorSaysWhatToDo() throws Exception {
        TestDeployment.assistant()
                .endpoint("one", provider.url() + "/a")
                .headerKey("Authorization", "Bearer sk-one")
                .failover(FailoverConfigs.target("gpt-4o", "one").attributes())
                .write(folder);
        Path log = folder.resolve("gateway.log");
        ProcessBuilder builder = new ProcessBuilder("./driver", folder.toString(), "0");
        builder.environment().put("JAVA_OPTS", "-Dmodel.failover.native=/nowhere/mine.so");
        builder.environment().put("GATEWAY_LOG", log.toString());
        driver = builder.redirectError(folder.resolve("stderr").toFile()).start();
        BufferedReader output =
                new BufferedReader(
                        new InputStreamReader(driver.getInputStream(), StandardCharsets.UTF_8));
        String ready = String.valueOf(output.readLine());
        assertTrue(ready.startsWith("ready "), ready + Files.readString(folder.resolve("stderr")));

        String url = ready.substring("ready ".length());
        String body = "{\"model\":\"gpt-4o\",\"messages\":[]}";
        for (int i = 0; i < 2; i++) {
            assertEquals(200, Client.post(url + "/x", body).statusCode());
        }
        driver.getOutputStream().write("redeploy\n".getBytes(StandardCharsets.UTF_8));
        driver.getOutputStream().flush();
        assertEquals("redeployed", output.readLine());
        assertEquals(200, Client.post(url + "/x", body).statusCode());

        assertEquals(3, provider.requests().size());
        assertEquals("/v1/a/x", provider.requests().get(0).target());
        List<String> errors =
                Files.readAllLines(log).stream()
                        .filter(line -> line.contains("Model Failover does not fail over"))
                        .collect(Collectors.toList());
        assertEquals(1, errors.size(), Files.readString(log));
        for (String part : List.of("/nowhere/mine.so", "to the target", "install.sh --check")) {
            assertTrue(errors.get(0).contains(part), errors.get(0));
        }
    }
}
