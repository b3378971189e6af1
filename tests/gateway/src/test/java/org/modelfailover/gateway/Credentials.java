package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.LogCapture;
import org.modelfailover.kit.ProviderProcess;

import java.util.List;
import java.util.Map;

/** Tests with endpoints that have keys of their own; after each none may be in the log. */
abstract class Credentials extends GatewayTest {
    static final String CALLERS = "Bearer sk-secret-of-the-caller";
    static final List<String> NAMES = List.of("bearer", "header", "query");
    static final Map<String, String> SECRETS =
            Map.of(
                    "bearer", "sk-secret-bearer",
                    "header", "sk-secret-header",
                    "query", "sk-secret-query");

    LogCapture log;

    @BeforeEach
    void listenToEverything() {
        log = new LogCapture();
    }

    @AfterEach
    void noSecretWasLogged() {
        log.close();
        for (String secret : List.of("sk-secret", GATEWAY_KEY)) {
            assertFalse(
                    log.text().contains(secret), () -> "a credential was logged: " + log.text());
        }
    }

    /** One endpoint for each way to carry a key, and one without. */
    TestDeployment endpoints() {
        return api().endpoint("bearer", provider("bearer").url())
                .headerKey("Authorization", "Bearer " + SECRETS.get("bearer"))
                .endpoint("header", provider("header").url())
                .headerKey("x-api-key", SECRETS.get("header"))
                .endpoint("query", provider("query").url())
                .queryKey("key", SECRETS.get("query"))
                .endpoint("open", provider("open").url());
    }

    static void assertCarries(ProviderProcess.Call call, String name) {
        String all = call.log().toString();
        switch (name) {
            case "bearer" ->
                    assertEquals(
                            List.of("Bearer " + SECRETS.get(name)), call.headers("Authorization"));
            case "header" -> assertEquals(List.of(SECRETS.get(name)), call.headers("x-api-key"));
            case "query" ->
                    assertTrue(call.path().endsWith("key=" + SECRETS.get(name)), call.path());
            default ->
                    assertEquals(
                            List.of(CALLERS),
                            call.headers("Authorization"),
                            "without a key of its own it gets the caller's");
        }
        for (String other : NAMES) {
            if (!other.equals(name)) {
                assertFalse(
                        all.contains(SECRETS.get(other)),
                        "the provider " + name + " was sent the key of " + other + ": " + all);
            }
        }
        if (!name.equals("open")) {
            assertFalse(
                    all.contains("sk-secret-of-the-caller"),
                    "the provider " + name + " was sent the caller's credential: " + all);
        }
        assertFalse(all.contains(GATEWAY_KEY), "the gateway's own key left the gateway: " + all);
        assertEquals(List.of(), call.headers("ApiKey"));
    }
}
