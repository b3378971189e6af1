package org.modelfailover.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.StreamResponse;
import com.openai.errors.OpenAIServiceException;
import com.openai.errors.SseException;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;

import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Consumer;

/** {@code POST /chat/completions} with openai-java. */
final class OpenAiChat implements Sdk {
    private final OpenAIClient client;

    OpenAiChat(String url) {
        client = client(url);
    }

    static OpenAIClient client(String url) {
        return OpenAIOkHttpClient.builder()
                .baseUrl(url + "/v1")
                .apiKey("sk-caller")
                .putHeader("ApiKey", TOKEN)
                .maxRetries(0)
                .timeout(Duration.ofSeconds(HANG_SECONDS))
                .build();
    }

    private static ChatCompletionCreateParams params(String model, String question) {
        return ChatCompletionCreateParams.builder().model(model).addUserMessage(question).build();
    }

    @Override
    public String ask(String model, String question) {
        return client.chat()
                .completions()
                .create(params(model, question))
                .choices()
                .get(0)
                .message()
                .content()
                .orElseThrow();
    }

    @Override
    public void stream(String model, String question, Consumer<String> pieces) {
        List<ChatCompletionChunk> chunks;
        try (StreamResponse<ChatCompletionChunk> stream =
                client.chat().completions().createStreaming(params(model, question))) {
            chunks =
                    stream.stream()
                            .peek(
                                    chunk ->
                                            chunk.choices()
                                                    .forEach(
                                                            choice ->
                                                                    choice.delta()
                                                                            .content()
                                                                            .ifPresent(pieces)))
                            .toList();
        }
        assertEquals(1, chunks.stream().map(ChatCompletionChunk::id).distinct().count(), "ids");
        ChatCompletionAccumulator whole = ChatCompletionAccumulator.create();
        chunks.forEach(whole::accumulate);
        assertEquals(
                "stop", whole.chatCompletion().choices().get(0).finishReason().asString(), "end");
    }

    @Override
    public OptionalInt status(Throwable thrown) {
        return statusOf(thrown);
    }

    static OptionalInt statusOf(Throwable thrown) {
        return thrown instanceof OpenAIServiceException
                ? OptionalInt.of(((OpenAIServiceException) thrown).statusCode())
                : OptionalInt.empty();
    }

    @Override
    public boolean isBrokenStream(Throwable thrown) {
        return thrown instanceof SseException;
    }
}
