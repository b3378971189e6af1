package org.modelfailover.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.StreamResponse;
import com.openai.errors.OpenAIServiceException;
import com.openai.errors.SseException;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionMessage;

import java.time.Duration;
import java.util.ArrayList;
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
        ChatCompletionMessage message =
                client.chat()
                        .completions()
                        .create(params(model, question))
                        .choices()
                        .get(0)
                        .message();
        return message.content().orElseGet(() -> arguments(message));
    }

    private static String arguments(ChatCompletionMessage message) {
        return message.toolCalls().orElseThrow().get(0).asFunction().function().arguments();
    }

    @Override
    public void stream(String model, String question, Consumer<String> pieces) {
        List<ChatCompletionChunk> chunks = new ArrayList<>();
        StringBuilder text = new StringBuilder();
        Consumer<String> both = pieces.andThen(text::append);
        try (StreamResponse<ChatCompletionChunk> stream =
                client.chat().completions().createStreaming(params(model, question))) {
            stream.stream()
                    .peek(chunks::add)
                    .flatMap(chunk -> chunk.choices().stream())
                    .map(ChatCompletionChunk.Choice::delta)
                    .forEach(
                            delta -> {
                                delta.content().ifPresent(both);
                                delta.toolCalls().stream()
                                        .flatMap(List::stream)
                                        .flatMap(call -> call.function().stream())
                                        .flatMap(function -> function.arguments().stream())
                                        .forEach(both);
                            });
        }
        assertEquals(1, chunks.stream().map(ChatCompletionChunk::id).distinct().count(), "ids");
        assertTrue(
                chunks.stream().noneMatch(chunk -> chunk.usage().isPresent()),
                "usage was not asked for");
        ChatCompletionAccumulator whole = ChatCompletionAccumulator.create();
        chunks.forEach(whole::accumulate);
        ChatCompletionMessage message = whole.chatCompletion().choices().get(0).message();
        assertEquals(
                text.toString(),
                message.content().orElseGet(() -> arguments(message)),
                "the pieces against what is accumulated");
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
