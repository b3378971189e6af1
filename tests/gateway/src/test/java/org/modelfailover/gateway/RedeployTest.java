package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.modelfailover.kit.Client;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Deploying, deploying again, and two gateways beside each other. */
class RedeployTest {
    @TempDir Path folder;
    private RecordingProvider provider;

    @BeforeEach
    void startProvider() throws IOException {
        ProbePolicy.forget();
        provider = new RecordingProvider();
    }

    @AfterEach
    void stopProvider() {
        provider.close();
    }

    private DeploymentFolder revision(String label) {
        return TestDeployment.assistant()
                .endpoint("one", provider.url() + "/" + label)
                .policy(ProbePolicy.xml(label))
                .write(folder.resolve(label));
    }

    @Test
    void redeployingDestroysTheOldMediatorsBeforeItInitialisesNewOnes() {
        try (EmbeddedGateway gateway = EmbeddedGateway.start(revision("a"))) {
            gateway.redeploy();
            assertEquals(200, Client.post(gateway.baseUrl() + "/x", "{}").statusCode());
        }
        assertEquals(
                List.of("init a null", "destroy a", "init a null", "destroy a"), ProbePolicy.LIFE);
    }

    @Test
    void anotherRevisionTakesThePlaceOfTheFirst() {
        try (EmbeddedGateway gateway = EmbeddedGateway.start(revision("a"))) {
            gateway.redeploy(revision("b"));
            assertEquals(200, Client.post(gateway.baseUrl() + "/x", "{}").statusCode());
        }
        assertEquals("/v1/b/x", provider.only().target());
        assertEquals("b", ProbePolicy.SEEN.get(0).get("label"));
    }

    @Test
    void twoGatewaysInOneProcessDoNotKnowOfEachOther() {
        try (EmbeddedGateway a = EmbeddedGateway.start(revision("a"))) {
            try (EmbeddedGateway b = EmbeddedGateway.start(revision("b"))) {
                assertEquals(200, Client.post(a.baseUrl() + "/x", "{}").statusCode());
                assertEquals(200, Client.post(b.baseUrl() + "/x", "{}").statusCode());
            }
            assertEquals(200, Client.post(a.baseUrl() + "/x", "{}").statusCode());
        }
        assertEquals(
                List.of("/v1/a/x", "/v1/b/x", "/v1/a/x"),
                provider.requests().stream().map(RecordingProvider.Request::target).toList());
    }

    @Test
    void mediatorsFindTheSettingsOfTheirOwnFolderWhileTheyAreInitialised() {
        DeploymentFolder with =
                TestDeployment.assistant()
                        .endpoint("one", provider.url())
                        .policy(ProbePolicy.xml("with"))
                        .settings("[apim.ai.model_failover]\n")
                        .write(folder.resolve("with"));
        try (EmbeddedGateway a = EmbeddedGateway.start(with);
                EmbeddedGateway b = EmbeddedGateway.start(revision("without"))) {
            a.redeploy();
            b.redeploy();
        }
        String settings = with.settings().orElseThrow().toString();
        assertEquals(
                List.of(
                        "init with " + settings,
                        "init without null",
                        "destroy with",
                        "init with " + settings,
                        "destroy without",
                        "init without null"),
                ProbePolicy.LIFE.subList(0, 6));
    }

    @Test
    void aPolicyThatSynapseCannotReadIsAnErrorWithItsReason() {
        DeploymentFolder broken =
                TestDeployment.assistant()
                        .endpoint("one", provider.url())
                        .policy("<class name=\"org.example.NotThere\"/>")
                        .write(folder.resolve("broken"));
        GatewayException error =
                assertThrows(GatewayException.class, () -> EmbeddedGateway.start(broken));
        assertTrue(error.getMessage().contains("prod--AssistantAPI:v1.0.0--In"), error.toString());
        assertTrue(error.getMessage().contains("org.example.NotThere"), error.toString());
    }

    @Test
    void aPortInUseIsAnError() {
        try (EmbeddedGateway gateway = EmbeddedGateway.start(revision("a"))) {
            GatewayException error =
                    assertThrows(
                            GatewayException.class,
                            () -> EmbeddedGateway.start(revision("b"), gateway.port()));
            assertTrue(error.getMessage().contains("port " + gateway.port()), error.toString());
        }
    }
}
