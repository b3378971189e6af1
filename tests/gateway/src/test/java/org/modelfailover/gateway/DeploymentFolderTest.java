package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.modelfailover.gateway.DeploymentFolder.ApiKey;
import org.modelfailover.gateway.DeploymentFolder.KeyPlace;
import org.modelfailover.gateway.DeploymentFolder.Stage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A folder is read completely, or refused with the file and the reason. */
class DeploymentFolderTest {
    @TempDir Path folder;

    @BeforeEach
    void goodFolder() {
        TestDeployment.assistant()
                .endpoint("one", "http://127.0.0.1:1/v1")
                .asDefault()
                .headerKey("Authorization", "Bearer sk-secret")
                .policy("<property name=\"a\" value=\"b\"/><drop/>")
                .settings("# nothing")
                .write(folder);
    }

    @Test
    void everythingWrittenIsReadBack() {
        DeploymentFolder read = DeploymentFolder.read(folder);

        assertEquals("prod--AssistantAPI:v1.0.0", read.api().synapseName());
        assertEquals("carbon.super", read.api().tenant());
        assertEquals("OpenAI", read.api().provider().orElseThrow());
        DeploymentFolder.Endpoint endpoint = read.endpoints().get(0);
        assertEquals(Stage.BOTH, endpoint.stage());
        assertTrue(endpoint.isDefault());
        assertEquals(KeyPlace.HEADER, ((ApiKey) endpoint.security().orElseThrow()).place());
        assertEquals(1, read.policies().size());
        assertTrue(read.responsePolicies().isEmpty());
        assertTrue(read.bundle().isEmpty());
        assertEquals(folder.resolve("deployment.toml"), read.settings().orElseThrow());
    }

    @Test
    void akeyIsNotPrinted() {
        assertFalse(DeploymentFolder.read(folder).toString().contains("sk-secret"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "api.json | `{` | not JSON",
                "api.json | `[]` | must be a JSON object",
                "api.json | `{\"version\":\"1\",\"context\":\"/a\"}` | name: missing",
                "api.json | `{\"name\":7,\"version\":\"1\",\"context\":\"/a\"}` | name: must be a"
                        + " string",
                "api.json | `{\"name\":\"A\",\"version\":\"1\",\"context\":\"a\"}` | context:"
                        + " \"a\"",
                "api.json | `{\"name\":\"A\",\"version\":\"1\",\"context\":\"/a\",\"x\":1}` | x:"
                        + " unknown key",
                "api.json |"
                        + " `{\"name\":\"A\",\"version\":\"1\",\"context\":\"/a\",\"handlers\":"
                        + "[{\"class\":\"a.B\",\"properties\":{\"id\":1}}]}` |"
                        + " handlers[0].properties.id: must be a string",
                "endpoints.json | `[]` | at least one element",
                "endpoints.json | `{}` | must be a JSON array",
                "endpoints.json | `[{\"id\":\"a\"}]` | [0].url: missing",
                "endpoints.json | `[{\"id\":\"a\",\"url\":\"localhost\"}]` | [0].url: \"localhost\""
                        + " is not an absolute",
                "endpoints.json | `[{\"id\":\"a b\",\"url\":\"http://x\"}]` | [0].id: \"a b\"",
                "endpoints.json | `[{\"id\":\"a\",\"url\":\"http://x\",\"stage\":\"TEST\"}]` |"
                        + " [0].stage: \"TEST\" is none of [PRODUCTION, SANDBOX, BOTH]",
                "endpoints.json | `[{\"id\":\"a\",\"url\":\"http://x\",\"default\":\"yes\"}]` |"
                        + " [0].default: must be true or false",
                "endpoints.json |"
                    + " `[{\"id\":\"a\",\"url\":\"http://x\"},{\"id\":\"a\",\"url\":\"http://x\"}]`"
                    + " | [1].id: \"a\" is used twice",
                "endpoints.json |"
                        + " `[{\"id\":\"a\",\"url\":\"http://x\",\"default\":true},"
                        + "{\"id\":\"b\",\"url\":\"http://x\",\"default\":true}]` |"
                        + " more than one default endpoint for PRODUCTION: [a, b]",
                "endpoints.json |"
                    + " `[{\"id\":\"a\",\"url\":\"http://x\",\"security\":{\"type\":\"gcp\"}}]` |"
                    + " [0].security.type: only \"apikey\" and \"aws\"",
                "endpoints.json |"
                        + " `[{\"id\":\"a\",\"url\":\"http://x\",\"security\":"
                        + "{\"type\":\"apikey\",\"identifier\":\"k\"}}]` |"
                        + " [0].security.value: missing",
                "endpoints.json |"
                    + " `[{\"id\":\"a\",\"url\":\"http://x\",\"security\":{\"type\":\"aws\"}}]` |"
                    + " [0].security.accessKey: missing",
                "policies/00-policy.xml | `<a>` | not well-formed",
                "policies/policy.xml | `<a/>` | NN-name.xml",
            })
    void whatIsWrongIsNamedWithItsFile(String file, String content, String message)
            throws IOException {
        Files.writeString(folder.resolve(file), content);
        GatewayException error =
                assertThrows(GatewayException.class, () -> DeploymentFolder.read(folder));
        assertTrue(error.getMessage().startsWith(folder.resolve(file) + ": "), error.getMessage());
        assertTrue(error.getMessage().contains(message), error.getMessage());
    }

    @Test
    void missingFilesAreNamed() throws IOException {
        Files.delete(folder.resolve("endpoints.json"));
        GatewayException error =
                assertThrows(GatewayException.class, () -> DeploymentFolder.read(folder));
        assertEquals(folder.resolve("endpoints.json") + ": missing", error.getMessage());

        Path nowhere = folder.resolve("nowhere");
        error = assertThrows(GatewayException.class, () -> DeploymentFolder.read(nowhere));
        assertEquals(nowhere + ": no such folder", error.getMessage());
    }
}
