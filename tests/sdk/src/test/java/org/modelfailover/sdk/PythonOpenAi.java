package org.modelfailover.sdk;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import org.modelfailover.kit.Program;

import java.io.IOException;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** {@code POST /chat/completions} with Python's openai, in a process of its own. */
final class PythonOpenAi implements Sdk {
    private final Program python;
    private final AtomicInteger calls = new AtomicInteger();
    private final Map<Integer, CompletableFuture<JsonObject>> underWay = new ConcurrentHashMap<>();

    PythonOpenAi(String url) throws IOException {
        python =
                Program.start(
                        "ready",
                        SdkGateway.START_LIMIT,
                        new ProcessBuilder(
                                        System.getProperty("sdk.python", "python3"),
                                        "python/chat.py",
                                        url + "/v1",
                                        TOKEN,
                                        String.valueOf(HANG_SECONDS))
                                .redirectError(SdkGateway.log("python")));
        python.eachAnswer(this::ended);
    }

    private void ended(String line) {
        JsonObject end = JsonParser.parseString(line).getAsJsonObject();
        underWay.remove(end.get("id").getAsInt()).complete(end);
    }

    private JsonObject call(String model, String question, boolean streamed) throws Exception {
        int id = calls.incrementAndGet();
        CompletableFuture<JsonObject> end = new CompletableFuture<>();
        underWay.put(id, end);
        JsonObject call = new JsonObject();
        call.addProperty("id", id);
        call.addProperty("model", model);
        call.addProperty("question", question);
        call.addProperty("stream", streamed);
        python.tell(call.toString());
        return end.get(2 * HANG_SECONDS, TimeUnit.SECONDS);
    }

    @Override
    public String ask(String model, String question) throws Exception {
        StringBuilder text = new StringBuilder();
        end(call(model, question, false), text::append);
        return text.toString();
    }

    @Override
    public void stream(String model, String question, Consumer<String> pieces) throws Exception {
        end(call(model, question, true), pieces);
    }

    private static void end(JsonObject end, Consumer<String> text) throws Raised {
        text.accept(end.get("text").getAsString());
        if (!end.get("error").isJsonNull()) {
            throw new Raised(end.get("error").getAsString(), end.get("status"));
        }
    }

    /** An exception that was raised over there. */
    private static final class Raised extends Exception {
        private static final long serialVersionUID = 1L;

        private final transient JsonElement status;

        Raised(String message, JsonElement status) {
            super(message);
            this.status = status;
        }
    }

    @Override
    public OptionalInt status(Throwable thrown) {
        return thrown instanceof Raised raised && !raised.status.isJsonNull()
                ? OptionalInt.of(raised.status.getAsInt())
                : OptionalInt.empty();
    }

    @Override
    public boolean isBrokenStream(Throwable thrown) {
        return thrown instanceof Raised && thrown.getMessage().startsWith("APIError: ");
    }
}
