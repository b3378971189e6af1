package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.modelfailover.executor.Executor;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.ProviderProcess;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The operators' page in a headless Chromium; skipped without one. */
class PageTest extends GatewayTest {
    /** What would be an element, if the page made HTML of it. */
    private static final String TARGET = "<b>gpt-4o</b>";

    private String chromium;

    @BeforeEach
    void browser() {
        chromium = System.getProperty("gateway.chromium", "");
        assumeTrue(!chromium.isEmpty(), "-Dgateway.chromium names a Chromium");
    }

    private void deployed(String settings) {
        ProviderProcess first = provider("first");
        deploy(
                api(first, provider("second"))
                        .settings(
                                "[apim.ai.model_failover]\nmetrics_listen = \"127.0.0.1:0\"\n"
                                        + settings),
                FailoverConfigs.target(TARGET, "one")
                        .fallback("gpt-4o-mini", "two")
                        .suspendDuration("600"));
        first.set(TARGET, "status=429~retry-after=90");
        for (int i = 0; i < 3; i++) {
            assertServedBy("second", ask(chat(TARGET)));
        }
    }

    /** The document some seconds after it was opened. */
    private String shown(String... options) throws Exception {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                chromium,
                                "--headless",
                                "--no-sandbox",
                                "--disable-gpu",
                                "--disable-dev-shm-usage",
                                "--user-data-dir=" + folder.resolve("profile"),
                                "--timeout=8000",
                                "--hide-scrollbars"));
        command.addAll(List.of(options));
        command.add("http://" + Executor.metricsAddress() + "/");
        Path out = folder.resolve("dom.html");
        Process browser =
                new ProcessBuilder(command)
                        .redirectOutput(out.toFile())
                        .redirectError(folder.resolve("chromium.log").toFile())
                        .start();
        assertTrue(browser.waitFor(120, TimeUnit.SECONDS), "Chromium goes on");
        return Files.readString(out);
    }

    @Test
    void itShowsWhichCandidateIsOutAndWhereARequestWouldGo() throws Exception {
        deployed("");
        // Virtual time stands still while the stream of events is open: the page is looked at when
        // the timeout is over, and not as soon as it is loaded.
        String page = shown("--dump-dom", "--virtual-time-budget=3000");

        assertTrue(page.contains("data-state=\"suspended\""), page);
        assertTrue(page.contains("because: 429: limited, asked to come back in 90 s"), page);
        assertTrue(page.contains("→ would go to gpt-4o-mini at two, because"), page);
        assertTrue(page.contains("&lt;b&gt;gpt-4o&lt;/b&gt;"), "a name is text, not an element");
        assertFalse(page.contains("<h3><b>"), "a name is text, not an element");
        assertTrue(page.contains("aria-label=\"The last 30 minutes: 0 answered, 1 failed\""), page);
    }

    @Test
    void withATokenItAsksForItFirst() throws Exception {
        deployed("metrics_token = \"secret\"\n");
        String page = shown("--dump-dom", "--virtual-time-budget=3000");

        assertTrue(page.contains(">A token is needed to look</span>"), page);
        assertFalse(page.contains("data-state=\""), page);
    }

    /** {@code -Dgateway.screenshots=docs/operating}: writes them there. */
    @Test
    void itIsDrawnForAScreenAndForAPhone() throws Exception {
        deployed("");
        String into = System.getProperty("gateway.screenshots", folder.toString());
        for (String[] shot :
                new String[][] {
                    {"page.png", "1200,760", "0"}, {"page-dark-phone.png", "500,1100", "1"}
                }) {
            Path file = Path.of(into).resolve(shot[0]);
            List<String> options =
                    new ArrayList<>(List.of("--screenshot=" + file, "--window-size=" + shot[1]));
            if (shot[2].equals("1")) {
                options.add("--blink-settings=preferredColorScheme=0");
            }
            shown(options.toArray(new String[0]));
            byte[] png = Files.readAllBytes(file);
            assertEquals((byte) 'P', png[1]);
            assertTrue(png.length > 10_000, "an empty page: " + png.length);
        }
    }
}
