package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.modelfailover.executor.Executor;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.LogCapture;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.http.HttpRequest;

/** The listener for metrics, of the gateway that it belongs to. */
class MetricsListenerTest extends ListenerCase {
    private String metrics() throws Exception {
        return answer(to("/metrics")).body();
    }

    @Test
    void itShowsWhatTheGatewayDoes() throws Exception {
        deployed(ANY_PORT);
        first.set(TARGET, "status=429~retry-after=90");
        assertServedBy("second", ask(chat(TARGET)));

        String labels =
                "{tenant=\"carbon.super\",api=\""
                        + apiName()
                        + "\",version=\"1.0.0\",endpoint=\"one\",model=\""
                        + TARGET
                        + "\",";
        String metrics = metrics();
        for (String line :
                new String[] {
                    "model_failover_attempts_total" + labels + "outcome=\"limited\"} 1",
                    "model_failover_suspensions_total" + labels + "reason=\"limited\"} 1",
                    "model_failover_candidate_state" + labels + "state=\"suspended\"} 1",
                }) {
            assertTrue(metrics.contains(line + "\n"), line + " is not in\n" + metrics);
        }
        assertEquals("suspended", target().get("state").getAsString());
        assertTrue(target().get("why").getAsString().startsWith("429: limited"));
    }

    @Test
    void aTraceIsAnExemplar() throws Exception {
        deployed(ANY_PORT);
        String trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        ask(chat(TARGET), "traceparent", "00-" + trace + "-00f067aa0ba902b7-01");

        HttpRequest.Builder open = to("/metrics").header("Accept", "application/openmetrics-text");
        String text = answer(open).body();

        assertTrue(text.contains("# {trace_id=\"" + trace + "\"}"), text);
        assertTrue(text.endsWith("# EOF\n"));
    }

    @Test
    void whoBearsTheTokenSteersAndTheLogSaysSo() throws Exception {
        deployed(ANY_PORT, WITH_TOKEN);
        assertServedBy("first", ask(chat(TARGET)));
        try (LogCapture log = new LogCapture()) {
            assertEquals(204, answer(steering("hold")).statusCode());

            String line = log.await("INFO", TARGET + " at one was held by").orElseThrow();
            assertTrue(line.contains("the metrics listener, 127.0.0.1:"), line);
        }
        assertEquals("held", target().get("state").getAsString());
        assertServedBy("second", ask(chat(TARGET)));

        assertEquals(204, answer(steering("release")).statusCode());
        assertServedBy("first", ask(chat(TARGET)));
    }

    @Test
    void itEndsWithTheSettingThatStartedIt() throws Exception {
        deployed(ANY_PORT);
        String address = Executor.metricsAddress();
        assertTrue(address.startsWith("127.0.0.1:"), address);

        gateway.redeploy(
                api(first, second)
                        .failover(FailoverConfigs.target(TARGET, "one").attributes())
                        .settings("[apim.ai.model_failover]\n")
                        .write(folder.resolve("without")));

        assertEquals("", Executor.metricsAddress());
    }

    @Test
    void anAddressThatCannotBeHadIsAnErrorAndTheGatewayGoesOn() throws IOException {
        try (ServerSocket taken =
                        new ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress());
                LogCapture log = new LogCapture()) {
            deployed("metrics_listen = \"127.0.0.1:" + taken.getLocalPort() + "\"");

            assertEquals(1, log.lines("ERROR", "metrics_listen").size(), log.notable());
            assertServedBy("first", ask(chat(TARGET)));
        }
        try (LogCapture log = new LogCapture()) {
            gateway.close();
            deployed("metrics_listen = \"everywhere\"", WITH_TOKEN);

            assertEquals(1, log.lines("ERROR", "metrics_listen").size(), log.notable());
            assertTrue(!log.text().contains(TOKEN), "the token is in the log");
            assertServedBy("first", ask(chat(TARGET)));
        }
    }
}
