package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.modelfailover.executor.Executor;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.LogCapture;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The operators' page in a headless Chromium; skipped without one. */
class PageTest extends GatewayTest {
    /** What would be an element, if the page made HTML of it. */
    private static final String TARGET = "<b>gpt-4o</b>";

    private static final String STATE = "document.querySelector('article').dataset.state";

    private String chromium;
    private ProviderProcess first;

    @BeforeEach
    void browser() {
        chromium = System.getProperty("gateway.chromium", "");
        assumeTrue(!chromium.isEmpty(), "-Dgateway.chromium names a Chromium");
    }

    private void deployed(String settings) {
        first = provider("first");
        deploy(
                api(first, provider("second"))
                        .settings(
                                "[apim.ai.model_failover]\nmetrics_listen = \"127.0.0.1:0\"\n"
                                        + settings),
                FailoverConfigs.target(TARGET, "one")
                        .fallback("gpt-4o-mini", "two")
                        .suspendDuration("600"));
    }

    private void targetIsOut() {
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
        targetIsOut();
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
        targetIsOut();
        String page = shown("--dump-dom", "--virtual-time-budget=3000");

        assertTrue(page.contains(">A token is needed to look</span>"), page);
        assertFalse(page.contains("data-state=\""), page);
    }

    /** {@code -Dgateway.screenshots=docs/operating}: writes them there. */
    @Test
    void itIsDrawnForAScreenAndForAPhone() throws Exception {
        deployed("");
        targetIsOut();
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

    /** Logged in by keyboard, as whoever has no mouse does. */
    private Browser operating() throws Exception {
        deployed("metrics_token = \"secret\"\nmetrics_drills = true\n");
        assertServedBy("first", ask(chat(TARGET)));
        Browser page = new Browser(chromium, folder, "http://" + Executor.metricsAddress() + "/");
        page.await("asked for the token", "document.getElementById('operate')?.open === true");
        page.tabTo("Token");
        page.type("secret");
        page.press("Enter");
        page.await("the candidates are shown", "!!document.querySelector('article')");
        return page;
    }

    @Test
    void anOperatorWithAKeyboardHoldsReleasesAndClears() throws Exception {
        try (Browser page = operating();
                LogCapture log = new LogCapture()) {
            page.tabTo("Hold " + TARGET + " at one");
            page.press("Space");
            page.await("held", STATE + " === 'held'");
            assertServedBy("second", ask(chat(TARGET)));
            assertTrue(log.await("INFO", TARGET + " at one was held by").isPresent());

            page.tabTo("Release " + TARGET + " at one");
            page.press("Enter");
            page.await("released", STATE + " === 'healthy'");
            assertServedBy("first", ask(chat(TARGET)));

            targetIsOut();
            first.set(TARGET, "");
            page.await("suspended", STATE + " === 'suspended'");
            page.tabTo("Clear " + TARGET + " at one");
            page.press("Enter");
            page.await("cleared", STATE + " === 'healthy'");
            assertServedBy("first", ask(chat(TARGET)));
        }
    }

    @Test
    void anOperatorWithAKeyboardRehearsesAFailure() throws Exception {
        try (Browser page = operating()) {
            page.tabTo("Rehearse a failure");
            page.press("Enter");
            page.tabTo("for seconds");
            page.type("600");
            page.tabTo("Begin");
            page.press("Enter");
            page.await(
                    "the drill is shown",
                    "document.querySelector('article .alarm').textContent.startsWith('Rehearsal:"
                            + " 100 % of its attempts fail for ')");
            RawClient.Answer answer = ask(chat(TARGET));
            assertServedBy("second", answer);
            assertTrue(
                    answer.header("x-failover-reason").contains("rehearsed"),
                    answer.header("x-failover-reason"));

            page.tabTo("End it");
            page.press("Enter");
            page.await("it is over", "document.querySelector('article .alarm').textContent === ''");
        }
    }

    @Test
    void itFitsAPhoneAndFollowsItsColours() throws Exception {
        try (Browser page = operating()) {
            page.screen(360, 740);
            page.await(
                    "nothing is wider than the screen",
                    "document.documentElement.scrollWidth <= 360");
            String ground = "getComputedStyle(document.body).backgroundColor";
            page.colorScheme("light");
            String light = page.value(ground);
            page.colorScheme("dark");
            assertNotEquals(light, page.value(ground));
        }
    }
}
