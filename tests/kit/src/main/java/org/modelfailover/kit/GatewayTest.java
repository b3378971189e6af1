package org.modelfailover.kit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;
import org.modelfailover.executor.Executor;
import org.modelfailover.gateway.EmbeddedGateway;
import org.modelfailover.gateway.TestDeployment;

import java.io.BufferedReader;
import java.io.StringReader;
import java.nio.file.Path;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/**
 * A gateway with the Model Failover policy in front of real providers. After each test no call may
 * be left over, whatever the client did.
 *
 * <p>Each test has an API of its own: the executor knows suspensions by API for as long as the JVM
 * lives.
 */
public abstract class GatewayTest {
    /** The key of the gateway itself, which no provider may ever see. */
    public static final String GATEWAY_KEY = "gateway-key-that-is-nobodys-business";

    private static final AtomicInteger APIS = new AtomicInteger();
    private static final Map<String, ProviderProcess> PROVIDERS = new HashMap<>();

    @TempDir public Path folder;
    private final Deque<AutoCloseable> open = new ConcurrentLinkedDeque<>();
    public EmbeddedGateway gateway;

    /**
     * A provider process; the same one for all tests that ask for this name, but with an empty log.
     */
    public final ProviderProcess provider(String name) {
        synchronized (PROVIDERS) {
            ProviderProcess provider =
                    PROVIDERS.computeIfAbsent(name, one -> ProviderProcess.start(one));
            provider.forget();
            return provider;
        }
    }

    /** A provider that the test has asked for already, with what is in its log. */
    public static ProviderProcess running(String name) {
        synchronized (PROVIDERS) {
            return PROVIDERS.get(name);
        }
    }

    /** An API at {@code /assistant/1.0.0} that no other test has. */
    public static TestDeployment api() {
        return TestDeployment.api("Assistant" + APIS.incrementAndGet(), "1.0.0", "/assistant/1.0.0")
                .provider("OpenAI");
    }

    /** Such an API with one endpoint {@code one} for a provider. */
    public static TestDeployment api(ProviderProcess provider) {
        return api().endpoint("one", provider.url()).headerKey("Authorization", "Bearer sk-one");
    }

    /** Such an API with the endpoints {@code one} and {@code two}. */
    public static TestDeployment api(ProviderProcess one, ProviderProcess two) {
        return api(one).endpoint("two", two.url()).headerKey("x-api-key", "sk-two");
    }

    public final EmbeddedGateway deploy(TestDeployment deployment, FailoverConfigs configs) {
        return deploy(deployment.failover(configs.attributes()));
    }

    public final EmbeddedGateway deploy(TestDeployment deployment) {
        gateway = closing(EmbeddedGateway.start(deployment.write(folder.resolve("first"))));
        return gateway;
    }

    /** Closes it after the test, before what was handed over earlier. */
    public final <T extends AutoCloseable> T closing(T resource) {
        open.push(resource);
        return resource;
    }

    public final RawClient client() {
        return closing(RawClient.to(gateway));
    }

    /** Posts a chat request on a new connection and returns the whole answer. */
    public final RawClient.Answer ask(String json, String... headers) {
        try (RawClient client = RawClient.to(gateway)) {
            return client.post(json, headers).answer();
        }
    }

    public static String chat(String model) {
        return "{\"model\":\""
                + model
                + "\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    }

    public static String streamed(String model) {
        return chat(model).replace("\"messages\"", "\"stream\":true,\"messages\"");
    }

    /** The {@code data:} lines of an event stream. */
    public static List<String> events(String stream) {
        return new BufferedReader(new StringReader(stream))
                .lines()
                .filter(line -> line.startsWith("data:"))
                .map(line -> line.substring(5).trim())
                .collect(Collectors.toList());
    }

    /** The text of a plain or streamed answer. */
    public static String content(String answer) {
        if (!answer.startsWith("data:")) {
            return message(answer, "message");
        }
        return events(answer).stream()
                .filter(event -> !event.equals("[DONE]"))
                .map(event -> message(event, "delta"))
                .collect(Collectors.joining());
    }

    private static String message(String json, String kind) {
        JsonObject choice =
                JsonParser.parseString(json)
                        .getAsJsonObject()
                        .getAsJsonArray("choices")
                        .get(0)
                        .getAsJsonObject();
        var content = choice.getAsJsonObject(kind).get("content");
        return content == null ? "" : content.getAsString();
    }

    /** What a healthy simulated provider says about itself. */
    public static void assertServedBy(String provider, RawClient.Answer answer) {
        assertEquals(200, answer.status(), answer.text());
        String content = content(answer.text());
        assertEquals(
                true,
                content.contains("Provider " + provider + " served"),
                "the answer should come from the provider " + provider + ": " + content);
    }

    /** An answer in the gateway's own format; returns its description. */
    public static String assertFault(int status, RawClient.Answer answer) {
        assertEquals(status, answer.status(), answer.text());
        var report = JsonParser.parseString(answer.text()).getAsJsonObject();
        assertEquals("Status report", report.get("type").getAsString(), answer.text());
        return report.get("description").getAsString();
    }

    public static void assertNoCallIsOpen() {
        Until.is(
                "the executor has no call under way any more",
                Executor::openCalls,
                calls -> calls == 0);
    }

    @AfterEach
    public final void nothingIsLeftOver() throws Exception {
        try {
            if (gateway != null) {
                assertNoCallIsOpen();
            }
        } finally {
            while (!open.isEmpty()) {
                open.pop().close();
            }
        }
    }
}
