package org.modelfailover.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.anthropic.client.AnthropicClient;
import com.anthropic.client.okhttp.AnthropicOkHttpClient;
import com.anthropic.core.JsonValue;
import com.anthropic.core.http.StreamResponse;
import com.anthropic.errors.AnthropicServiceException;
import com.anthropic.errors.SseException;
import com.anthropic.helpers.MessageAccumulator;
import com.anthropic.models.messages.InputJsonDelta;
import com.anthropic.models.messages.Message;
import com.anthropic.models.messages.MessageCreateParams;
import com.anthropic.models.messages.RawContentBlockDeltaEvent;
import com.anthropic.models.messages.RawMessageStreamEvent;
import com.anthropic.models.messages.TextBlock;
import com.anthropic.models.messages.TextDelta;
import com.google.gson.Gson;

import java.time.Duration;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** {@code POST /v1/messages} with anthropic-java. */
final class AnthropicMessages implements Sdk {
    private static final long MAX_TOKENS = 1000;

    private final AnthropicClient client;

    AnthropicMessages(String url) {
        client =
                AnthropicOkHttpClient.builder()
                        .baseUrl(url)
                        .apiKey("sk-caller")
                        .putHeader("ApiKey", TOKEN)
                        .maxRetries(0)
                        .timeout(Duration.ofSeconds(HANG_SECONDS))
                        .build();
    }

    private static MessageCreateParams params(String model, String question) {
        return MessageCreateParams.builder()
                .model(model)
                .maxTokens(MAX_TOKENS)
                .addUserMessage(question)
                .build();
    }

    /** The text, or the arguments of a tool call. */
    private static String said(Message message) {
        return message.content().stream()
                .map(
                        block ->
                                block.isToolUse()
                                        ? json(block.asToolUse()._input())
                                        : block.text().map(TextBlock::text).orElse(""))
                .collect(Collectors.joining());
    }

    private static String json(JsonValue value) {
        return new Gson().toJson(value.convert(Map.class));
    }

    @Override
    public String ask(String model, String question) {
        return said(client.messages().create(params(model, question)));
    }

    @Override
    public void stream(String model, String question, Consumer<String> pieces) {
        MessageAccumulator whole = MessageAccumulator.create();
        StringBuilder text = new StringBuilder();
        try (StreamResponse<RawMessageStreamEvent> stream =
                client.messages().createStreaming(params(model, question))) {
            stream.stream()
                    .map(whole::accumulate)
                    .flatMap(event -> event.contentBlockDelta().stream())
                    .map(RawContentBlockDeltaEvent::delta)
                    .forEach(
                            delta -> {
                                delta.text().map(TextDelta::text).ifPresent(text::append);
                                delta.text().map(TextDelta::text).ifPresent(pieces);
                                delta.inputJson()
                                        .map(InputJsonDelta::partialJson)
                                        .ifPresent(pieces);
                            });
        }
        assertTrue(whole.message().stopReason().isPresent(), "a stop reason");
        if (!text.isEmpty()) {
            assertEquals(
                    text.toString(),
                    said(whole.message()),
                    "the pieces against what is accumulated");
        }
    }

    @Override
    public OptionalInt status(Throwable thrown) {
        return thrown instanceof AnthropicServiceException
                ? OptionalInt.of(((AnthropicServiceException) thrown).statusCode())
                : OptionalInt.empty();
    }

    @Override
    public boolean isBrokenStream(Throwable thrown) {
        return thrown instanceof SseException;
    }
}
