package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.modelfailover.kit.Client;

import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Failures are answered in API Manager's format, and never with the caller's own headers. */
class FaultTest {
    @TempDir Path folder;
    private EmbeddedGateway gateway;

    @AfterEach
    void stop() {
        gateway.close();
    }

    private HttpResponse<String> answer(TestDeployment deployment, byte[] body) {
        gateway = EmbeddedGateway.start(deployment.write(folder));
        return Client.post(gateway.baseUrl() + "/chat/completions", "application/json", body);
    }

    private HttpResponse<String> answer(TestDeployment deployment) {
        return answer(deployment, "{\"model\":\"gpt-4o\"}".getBytes());
    }

    private static TestDeployment refusing() {
        return TestDeployment.assistant().endpoint("one", Client.refusingUrl());
    }

    private static void assertReport(HttpResponse<String> answer, int status, String code) {
        assertEquals(status, answer.statusCode(), answer.body());
        assertEquals(
                "application/json; charset=UTF-8",
                answer.headers().firstValue("Content-Type").orElse("absent"));
        JsonObject report = JsonParser.parseString(answer.body()).getAsJsonObject();
        assertEquals(
                List.of("code", "type", "message", "description"), List.copyOf(report.keySet()));
        assertEquals(code, report.get("code").getAsString());
        assertEquals("Status report", report.get("type").getAsString());
    }

    @Test
    void anEndpointThatRefusesGivesTheHostsRuntimeError() {
        HttpResponse<String> answer = answer(refusing());

        assertReport(answer, 500, "101503");
        assertTrue(answer.body().contains("\"message\":\"Runtime Error\""), answer.body());
        assertTrue(answer.body().contains("Error while connecting"), answer.body());
    }

    @Test
    void theCallersHeadersAreNotSentBack() {
        gateway = EmbeddedGateway.start(refusing().write(folder));
        HttpResponse<String> answer =
                Client.post(
                        gateway.baseUrl() + "/chat/completions",
                        "{}",
                        "Authorization",
                        "Bearer secret",
                        "X-Private",
                        "secret");

        for (Map.Entry<String, List<String>> header : answer.headers().map().entrySet()) {
            assertTrue(
                    List.of("content-type", "date", "server", "transfer-encoding", "connection")
                            .contains(header.getKey().toLowerCase(Locale.ROOT)),
                    header.toString());
        }
    }

    @Test
    void aBodyLargerThanEveryBufferIsReadBeforeTheFault() {
        assertReport(answer(refusing(), new byte[4 << 20]), 500, "101503");
    }

    @Test
    void aPolicyThatThrowsIsAnsweredWithWhatItSet() {
        HttpResponse<String> answer =
                answer(
                        refusing()
                                .policy(
                                        "<property name=\"ERROR_CODE\" value=\"101504\""
                                            + " type=\"INTEGER\"/><property name=\"CUSTOM_HTTP_SC\""
                                            + " value=\"504\"/><class name=\""
                                                + ProbePolicy.class.getName()
                                                + "\"><property name=\"failure\""
                                                + " value=\"boom\"/></class>"),
                        new byte[4 << 20]);

        assertReport(answer, 504, "101504");
    }

    @Test
    void rejectIsTheHostsNoActiveEndpoints() {
        HttpResponse<String> answer =
                answer(refusing().policy("<property name=\"TARGET_ENDPOINT\" value=\"REJECT\"/>"));

        assertReport(answer, 503, "900808");
    }

    @Test
    void aKeyForAStageWithoutEndpointIsRefused() {
        gateway =
                EmbeddedGateway.start(
                        refusing().stage(DeploymentFolder.Stage.PRODUCTION).write(folder));
        assertReport(
                Client.post(gateway.baseUrl() + "/chat/completions", "{}", "ApiKey", "sandbox"),
                403,
                "900901");
    }

    @Test
    void faultPoliciesRunBeforeTheFaultSequence() {
        HttpResponse<String> answer =
                answer(refusing().faultPolicy("<property name=\"CUSTOM_HTTP_SC\" value=\"502\"/>"));

        assertReport(answer, 502, "101503");
    }

    @Test
    void anUnknownPathIsNotFoundHoweverLargeItsBody() {
        gateway = EmbeddedGateway.start(refusing().write(folder));
        assertReport(Client.post(gateway.origin() + "/nowhere", "{}"), 404, "404");
        assertReport(
                Client.post(gateway.origin() + "/nowhere", "text/plain", new byte[4 << 20]),
                404,
                "404");
    }
}
