package org.modelfailover.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.anthropic.client.AnthropicClient;
import com.anthropic.client.okhttp.AnthropicOkHttpClient;
import com.anthropic.core.http.StreamResponse;
import com.anthropic.errors.AnthropicServiceException;
import com.anthropic.errors.SseException;
import com.anthropic.helpers.MessageAccumulator;
import com.anthropic.models.messages.Message;
import com.anthropic.models.messages.MessageCreateParams;
import com.anthropic.models.messages.RawMessageStreamEvent;
import com.anthropic.models.messages.StopReason;
import com.anthropic.models.messages.TextBlock;

import java.time.Duration;
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

    private static String text(Message message) {
        return message.content().stream()
                .flatMap(block -> block.text().stream())
                .map(TextBlock::text)
                .collect(Collectors.joining());
    }

    @Override
    public String ask(String model, String question) {
        return text(client.messages().create(params(model, question)));
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
                    .flatMap(event -> event.delta().text().stream())
                    .forEach(
                            delta -> {
                                text.append(delta.text());
                                pieces.accept(delta.text());
                            });
        }
        assertEquals(StopReason.END_TURN, whole.message().stopReason().orElseThrow(), "end");
        assertEquals(text.toString(), text(whole.message()), "the deltas against the message");
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
