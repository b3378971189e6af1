package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.modelfailover.kit.Client;
import org.modelfailover.synapse.ModelFailoverMediator;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** The driver as whoever starts it sees it: a process, its output and its exit status. */
@Timeout(120)
class GatewayDriverTest {
    @TempDir Path folder;
    private RecordingProvider provider;
    private Process driver;
    private BufferedReader output;

    @BeforeEach
    void startProvider() throws IOException {
        provider = new RecordingProvider();
    }

    @AfterEach
    void stop() {
        if (driver != null) {
            driver.destroyForcibly();
        }
        provider.close();
    }

    private TestDeployment deployment(String path) {
        return TestDeployment.assistant().endpoint("one", provider.url() + path);
    }

    private void start() throws IOException {
        driver =
                new ProcessBuilder("./driver", folder.toString(), "0")
                        .redirectError(folder.resolve("stderr").toFile())
                        .start();
        output =
                new BufferedReader(
                        new InputStreamReader(driver.getInputStream(), StandardCharsets.UTF_8));
    }

    private String ready() throws IOException {
        String line = output.readLine();
        assertTrue(
                line != null
                        && line.matches("ready http://127\\.0\\.0\\.1:\\d+/assistant/1\\.0\\.0"),
                () -> "first line: " + line + "\n" + errors());
        return line.substring("ready ".length());
    }

    private void say(String line) throws IOException {
        OutputStream input = driver.getOutputStream();
        input.write((line + "\n").getBytes(StandardCharsets.UTF_8));
        input.flush();
    }

    private String errors() {
        try {
            return Files.readString(folder.resolve("stderr"));
        } catch (IOException e) {
            return e.toString();
        }
    }

    private int exitStatus() throws InterruptedException {
        assertTrue(driver.waitFor(60, TimeUnit.SECONDS), "the driver goes on");
        return driver.exitValue();
    }

    @Test
    void itAnswersRedeploysFromItsFolderAndStops() throws Exception {
        deployment("/a").write(folder);
        start();
        String url = ready();
        assertEquals(200, Client.post(url + "/x", "{}").statusCode());

        deployment("/b").write(folder);
        say("redeploy");
        assertEquals("redeployed", output.readLine());
        assertEquals(200, Client.post(url + "/x", "{}").statusCode());
        assertEquals("/v1/a/x", provider.requests().get(0).target());
        assertEquals("/v1/b/x", provider.requests().get(1).target());

        say("stop");
        assertEquals(0, exitStatus());
        assertEquals("", errors(), "a clean run says nothing on standard error");
    }

    @Test
    void itStopsWhenItsInputEnds() throws Exception {
        deployment("/a").write(folder);
        start();
        ready();
        driver.getOutputStream().close();
        assertEquals(0, exitStatus());
    }

    @Test
    void aBadFolderIsNamedAndTheStatusTellsIt() throws Exception {
        Files.writeString(folder.resolve("api.json"), "{}");
        start();
        assertEquals(1, exitStatus());
        assertEquals("gateway: " + folder.resolve("api.json") + ": name: missing\n", errors());
    }

    @Test
    void aRedeploymentOfABadFolderFailsAndTheDriverGoesOn() throws Exception {
        deployment("/a").write(folder);
        start();
        String url = ready();
        Files.writeString(folder.resolve("endpoints.json"), "[]");
        say("redeploy");
        String line = output.readLine();
        assertTrue(line.startsWith("failed ") && line.contains("endpoints.json"), line);
        assertEquals(200, Client.post(url + "/x", "{}").statusCode());
    }

    @Test
    void theFoldersOwnBundleIsUsed() throws Exception {
        Path shim = pathOf(ModelFailoverMediator.class);
        deployment("/a").bundle(shim).write(folder);
        start();
        // The class path lacks the project's own jar then: only the bundle can have the mediator.
        ready();
        driver.getOutputStream().close();
        assertEquals(0, exitStatus());
    }

    @Test
    void aBundleWithoutTheMediatorIsAnError() throws Exception {
        Path other = pathOf(org.junit.jupiter.api.Test.class);
        deployment("/a").bundle(other).write(folder);
        start();
        assertEquals(1, exitStatus());
        assertTrue(errors().contains("bundle.jar: no class"), errors());
    }

    private static Path pathOf(Class<?> type) throws URISyntaxException {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
    }
}
