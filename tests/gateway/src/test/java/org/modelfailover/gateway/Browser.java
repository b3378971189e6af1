package org.modelfailover.gateway;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import org.modelfailover.kit.Until;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * A page in a headless Chromium, with its keyboard: the few commands of the DevTools protocol that
 * it takes.
 *
 * @see <a href="https://chromedevtools.github.io/devtools-protocol/">The protocol</a>
 */
final class Browser implements AutoCloseable {
    /** The keys that are more than a letter: code, and the text that they type. */
    private static final Map<String, Map.Entry<Integer, String>> KEYS =
            Map.of(
                    "Tab", Map.entry(9, ""),
                    "Enter", Map.entry(13, "\r"),
                    "Space", Map.entry(32, " "));

    private final Process chromium;
    private final WebSocket socket;
    private final Map<Integer, CompletableFuture<JsonObject>> asked = new ConcurrentHashMap<>();
    private int last;
    private String session;

    Browser(String program, Path folder, String address) throws Exception {
        Path profile = folder.resolve("driven");
        chromium =
                new ProcessBuilder(
                                program,
                                "--headless",
                                "--no-sandbox",
                                "--disable-gpu",
                                "--disable-dev-shm-usage",
                                "--remote-debugging-port=0",
                                "--user-data-dir=" + profile)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .redirectError(folder.resolve("driven.log").toFile())
                        .start();
        Path port = profile.resolve("DevToolsActivePort");
        List<String> lines =
                Until.is(
                        "Chromium says where it listens",
                        () -> Files.exists(port) ? Files.readAllLines(port) : List.<String>of(),
                        said -> said.size() == 2);
        socket =
                HttpClient.newHttpClient()
                        .newWebSocketBuilder()
                        .buildAsync(
                                URI.create("ws://127.0.0.1:" + lines.get(0) + lines.get(1)),
                                new Answers())
                        .get(30, TimeUnit.SECONDS);
        JsonObject page = new JsonObject();
        page.addProperty("url", address);
        String target = call("Target.createTarget", page).get("targetId").getAsString();
        JsonObject attach = new JsonObject();
        attach.addProperty("targetId", target);
        attach.addProperty("flatten", true);
        session = call("Target.attachToTarget", attach).get("sessionId").getAsString();
    }

    private final class Answers implements WebSocket.Listener {
        private final StringBuilder text = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket from, CharSequence part, boolean whole) {
            text.append(part);
            if (whole) {
                JsonObject message = JsonParser.parseString(text.toString()).getAsJsonObject();
                text.setLength(0);
                if (message.has("id")) {
                    asked.remove(message.get("id").getAsInt()).complete(message);
                }
            }
            from.request(1);
            return null;
        }
    }

    private JsonObject call(String method, JsonObject parameters) throws Exception {
        JsonObject message = new JsonObject();
        message.addProperty("id", ++last);
        message.addProperty("method", method);
        message.add("params", parameters);
        if (session != null) {
            message.addProperty("sessionId", session);
        }
        CompletableFuture<JsonObject> answer = new CompletableFuture<>();
        asked.put(last, answer);
        socket.sendText(message.toString(), true).get(30, TimeUnit.SECONDS);
        JsonObject said = answer.get(30, TimeUnit.SECONDS);
        if (said.has("error")) {
            throw new IOException(method + ": " + said.get("error"));
        }
        return said.getAsJsonObject("result");
    }

    /** What an expression comes to, as text. */
    String value(String expression) throws Exception {
        JsonObject parameters = new JsonObject();
        parameters.addProperty("expression", "String(" + expression + ")");
        return call("Runtime.evaluate", parameters)
                .getAsJsonObject("result")
                .get("value")
                .getAsString();
    }

    void await(String what, String expression) {
        Until.holds(what + ": " + expression, () -> value(expression).equals("true"));
    }

    /** A phone's screen, or any other. */
    void screen(int width, int height) throws Exception {
        JsonObject parameters = new JsonObject();
        parameters.addProperty("width", width);
        parameters.addProperty("height", height);
        parameters.addProperty("deviceScaleFactor", 1);
        parameters.addProperty("mobile", true);
        call("Emulation.setDeviceMetricsOverride", parameters);
    }

    void colorScheme(String scheme) throws Exception {
        call(
                "Emulation.setEmulatedMedia",
                JsonParser.parseString(
                                "{\"features\":[{\"name\":\"prefers-color-scheme\",\"value\":\""
                                        + scheme
                                        + "\"}]}")
                        .getAsJsonObject());
    }

    void press(String key) throws Exception {
        Map.Entry<Integer, String> known = KEYS.get(key);
        JsonObject parameters = new JsonObject();
        parameters.addProperty("type", "keyDown");
        parameters.addProperty("key", known.getValue().equals(" ") ? " " : key);
        parameters.addProperty("windowsVirtualKeyCode", known.getKey());
        if (!known.getValue().isEmpty()) {
            parameters.addProperty("text", known.getValue());
        }
        call("Input.dispatchKeyEvent", parameters);
        parameters.addProperty("type", "keyUp");
        parameters.remove("text");
        call("Input.dispatchKeyEvent", parameters);
    }

    void type(String text) throws Exception {
        JsonObject parameters = new JsonObject();
        parameters.addProperty("text", text);
        call("Input.insertText", parameters);
    }

    /** Goes on with the Tab key until what {@code label} names has the focus. */
    void tabTo(String label) throws Exception {
        String focus =
                "document.activeElement.getAttribute('aria-label')"
                        + " || (document.activeElement.labels?.[0] ?? document.activeElement)"
                        + ".textContent.trim()";
        for (int i = 0; i < 100; i++) {
            if (value(focus).startsWith(label)) {
                return;
            }
            press("Tab");
        }
        throw new AssertionError("the Tab key does not come to " + label);
    }

    @Override
    public void close() {
        socket.abort();
        chromium.destroy();
        try {
            if (!chromium.waitFor(10, TimeUnit.SECONDS)) {
                chromium.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
