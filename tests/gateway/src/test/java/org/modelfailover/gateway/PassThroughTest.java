package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.modelfailover.gateway.DeploymentFolder.Stage;
import org.modelfailover.gateway.RecordingProvider.Request;
import org.modelfailover.kit.Client;
import org.modelfailover.kit.FailoverConfigs;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

/** A request that no policy takes goes to the default endpoint, with that endpoint's key. */
class PassThroughTest {
    private static final String BODY =
            "{ \"model\":\"gpt-4o\",\t\"n\":1.0, \"café\":\"\\u00e9 ü\" }";

    @TempDir Path folder;
    private RecordingProvider provider;
    private EmbeddedGateway gateway;

    @BeforeEach
    void startProvider() throws IOException {
        provider = new RecordingProvider();
    }

    @AfterEach
    void stop() {
        if (gateway != null) {
            gateway.close();
        }
        provider.close();
    }

    private TestDeployment assistant() {
        return TestDeployment.assistant()
                .endpoint("default_production_endpoint", provider.url())
                .stage(Stage.PRODUCTION)
                .asDefault()
                .headerKey("Authorization", "Bearer sk-production")
                .endpoint("0c1f2a9e-77aa-4a64-93d5-000000000001", provider.url() + "/other/")
                .headerKey("x-api-key", "sk-other & \"co\"")
                .endpoint("default_sandbox_endpoint", provider.url() + "/sandbox")
                .stage(Stage.SANDBOX)
                .asDefault()
                .queryKey("key", "sk-sandbox");
    }

    private void start(TestDeployment deployment) {
        gateway = EmbeddedGateway.start(deployment.write(folder));
    }

    private String chat() {
        return gateway.baseUrl() + "/chat/completions";
    }

    @Test
    void productionGoesToItsDefaultEndpointWithThatEndpointsKey() {
        start(assistant().policy(ProbePolicy.xml("request")));
        HttpResponse<String> answer =
                Client.post(
                        chat() + "?api-version=1",
                        BODY,
                        "ApiKey",
                        "production-token",
                        "Authorization",
                        "Bearer the caller's own");

        assertEquals(200, answer.statusCode());
        assertEquals(RecordingProvider.ANSWER, answer.body());
        assertEquals("recording", answer.headers().firstValue("X-Provider").orElse("absent"));
        Request asked = provider.only();
        assertEquals("POST", asked.method());
        assertEquals("/v1/chat/completions?api-version=1", asked.target());
        assertEquals("Bearer sk-production", asked.header("Authorization"));
        assertEquals(BODY, asked.text());
    }

    @Test
    void sandboxGoesToItsOwnDefaultEndpointWithTheKeyInTheQuery() {
        start(assistant().policy(ProbePolicy.xml("request")));
        assertEquals(200, Client.post(chat(), BODY, "ApiKey", "sandbox-token").statusCode());

        Request asked = provider.only();
        assertEquals("/v1/sandbox/chat/completions?key=sk-sandbox", asked.target());
        assertNull(asked.header("Authorization"));
        assertEquals(BODY, asked.text());
    }

    @Test
    void theGatewaysTokenDoesNotReachAProvider() {
        start(assistant());
        Client.post(chat(), BODY, "ApiKey", "sandbox-1");
        Client.post(chat(), BODY, "Authorization", "Bearer sandbox-2");

        assertEquals(2, provider.requests().size());
        for (Request asked : provider.requests()) {
            assertTrue(asked.target().startsWith("/v1/sandbox/"), asked.target());
            assertNull(asked.header("ApiKey"));
            assertNull(asked.header("Authorization"));
        }
    }

    @Test
    void theCallersOwnCredentialReachesAnEndpointWithoutKey() {
        start(TestDeployment.assistant().endpoint("open", provider.url()));
        Client.post(chat(), BODY, "Authorization", "Bearer sk-of-the-caller");

        assertEquals("Bearer sk-of-the-caller", provider.only().header("Authorization"));
    }

    @Test
    void aPolicysChoiceOfEndpointIsFollowed() {
        String id = "0c1f2a9e-77aa-4a64-93d5-000000000001";
        start(assistant().policy("<property name=\"TARGET_ENDPOINT\" value=\"" + id + "\"/>"));
        assertEquals(200, Client.post(chat(), BODY).statusCode());

        Request asked = provider.only();
        // Synapse 3.0.1 joins address and path as they are, unlike WSO2's.
        assertEquals("/v1/other//chat/completions", asked.target());
        assertEquals("sk-other & \"co\"", asked.header("x-api-key"));
    }

    @Test
    void anyKindOfBodyArrivesByteForByte() {
        start(assistant().policy(ProbePolicy.xml("request")));
        byte[] body = new byte[1 << 20];
        new Random(1).nextBytes(body);
        String type = "multipart/form-data; boundary=xyz";
        assertEquals(200, Client.post(chat(), type, body).statusCode());

        assertArrayEquals(body, provider.only().body());
        // Synapse 3.0.1 adds a charset, unlike WSO2's.
        assertEquals(type + "; charset=UTF-8", provider.only().header("Content-Type"));
    }

    @Test
    void textSurvivesAMediatorThatBuildsTheMessage() {
        start(assistant().policy("<log level=\"full\"/>").responsePolicy("<log level=\"full\"/>"));
        HttpResponse<String> answer = Client.post(chat(), BODY);

        assertEquals(RecordingProvider.ANSWER, answer.body());
        assertEquals(BODY, provider.only().text());
        assertTrue(provider.only().header("Content-Type").startsWith("application/json"));
    }

    @Test
    @Timeout(30)
    void aStreamArrivesEventByEvent() throws IOException {
        start(assistant().policy(ProbePolicy.xml("request")));
        try (BufferedReader events = Client.stream(gateway.baseUrl() + "/stream", BODY)) {
            assertEquals("data: one", events.readLine(), "before the provider sends more");
            provider.goOn();
            events.readLine();
            assertEquals("data: two", events.readLine());
        }
    }

    @Test
    void getHasNoBody() {
        start(assistant().policy(ProbePolicy.xml("request")));
        assertEquals(200, Client.get(gateway.baseUrl() + "/models").statusCode());

        assertEquals("GET", provider.only().method());
        assertEquals("/v1/models", provider.only().target());
        assertEquals(0, provider.only().body().length);
    }

    @Test
    void aModelThatTheFailoverPolicyIsNotForPassesIt() {
        assumeTrue(
                Arrays.stream(org.modelfailover.synapse.ModelFailoverMediator.class.getMethods())
                        .anyMatch(method -> method.getName().equals("setFailoverConfigs")),
                "the mediator is still a stub");
        start(
                assistant()
                        .failover(
                                FailoverConfigs.target("another", "default_production_endpoint")
                                        .requestTimeout("30")
                                        .suspendDuration("60")
                                        .attributes()));
        assertEquals(200, Client.post(chat(), BODY).statusCode());

        assertEquals(BODY, provider.only().text());
        assertEquals("Bearer sk-production", provider.only().header("Authorization"));
    }
}
