package org.modelfailover.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.bedrockruntime.model.InvokeModelWithResponseStreamResponseHandler;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/**
 * {@code POST /model/<model>/invoke} and {@code /invoke-with-response-stream} with bedrockruntime,
 * whose bodies are the model's own: Anthropic's here.
 */
final class BedrockInvoke extends Bedrock {
    private static final String JSON = "application/json";

    BedrockInvoke(String url) {
        super(url);
    }

    private static SdkBytes body(String question) {
        JsonObject message = new JsonObject();
        message.addProperty("role", "user");
        message.addProperty("content", question);
        JsonArray messages = new JsonArray();
        messages.add(message);
        JsonObject body = new JsonObject();
        body.addProperty("anthropic_version", "bedrock-2023-05-31");
        body.addProperty("max_tokens", 1000);
        body.add("messages", messages);
        return SdkBytes.fromUtf8String(body.toString());
    }

    private static JsonObject json(SdkBytes bytes) {
        return JsonParser.parseString(bytes.asUtf8String()).getAsJsonObject();
    }

    @Override
    public String ask(String model, String question) throws Exception {
        JsonObject block =
                json(end(client.invokeModel(
                                        call ->
                                                call.modelId(model)
                                                        .contentType(JSON)
                                                        .body(body(question))))
                                .body())
                        .getAsJsonArray("content")
                        .get(0)
                        .getAsJsonObject();
        return block.has("input") ? block.get("input").toString() : block.get("text").getAsString();
    }

    @Override
    public void stream(String model, String question, Consumer<String> pieces) throws Exception {
        List<JsonObject> events = new CopyOnWriteArrayList<>();
        end(
                client.invokeModelWithResponseStream(
                        call -> call.modelId(model).contentType(JSON).body(body(question)),
                        InvokeModelWithResponseStreamResponseHandler.builder()
                                .subscriber(
                                        InvokeModelWithResponseStreamResponseHandler.Visitor
                                                .builder()
                                                .onChunk(
                                                        chunk -> {
                                                            JsonObject event = json(chunk.bytes());
                                                            events.add(event);
                                                            said(event, pieces);
                                                        })
                                                .build())
                                .build()));
        List<String> around =
                events.stream()
                        .map(event -> event.get("type").getAsString())
                        .filter(type -> type.startsWith("message_"))
                        .toList();
        assertEquals(
                List.of("message_start", "message_delta", "message_stop"),
                around,
                "events around the text");
    }

    private static void said(JsonObject event, Consumer<String> pieces) {
        if (event.get("type").getAsString().equals("content_block_delta")) {
            JsonObject delta = event.getAsJsonObject("delta");
            pieces.accept(delta.get(delta.has("text") ? "text" : "partial_json").getAsString());
        }
    }
}
