package org.modelfailover.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.openai.client.OpenAIClient;
import com.openai.core.http.StreamResponse;
import com.openai.errors.SseException;
import com.openai.models.completions.Completion;
import com.openai.models.completions.CompletionChoice;
import com.openai.models.completions.CompletionCreateParams;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Consumer;

/** {@code POST /completions}, the older kind, with openai-java. */
final class OpenAiCompletions implements Sdk {
    private final OpenAIClient client;

    OpenAiCompletions(String url) {
        client = OpenAiChat.client(url);
    }

    private static CompletionCreateParams params(String model, String question) {
        return CompletionCreateParams.builder().model(model).prompt(question).build();
    }

    @Override
    public String ask(String model, String question) {
        return client.completions().create(params(model, question)).choices().get(0).text();
    }

    @Override
    public void stream(String model, String question, Consumer<String> pieces) {
        List<Completion> chunks = new ArrayList<>();
        try (StreamResponse<Completion> stream =
                client.completions().createStreaming(params(model, question))) {
            stream.stream()
                    .forEach(
                            chunk -> {
                                chunks.add(chunk);
                                chunk.choices().forEach(choice -> pieces.accept(choice.text()));
                            });
        }
        assertEquals(1, chunks.stream().map(Completion::id).distinct().count(), "ids");
        List<String> ends =
                chunks.stream()
                        .flatMap(chunk -> chunk.choices().stream())
                        .map(CompletionChoice::_finishReason)
                        .flatMap(reason -> reason.asKnown().stream())
                        .map(CompletionChoice.FinishReason::asString)
                        .toList();
        assertEquals(List.of("stop"), ends, "finish reasons");
    }

    @Override
    public boolean knows(Fault fault) {
        return Sdk.super.knows(fault) && !fault.isToolCall();
    }

    @Override
    public OptionalInt status(Throwable thrown) {
        return OpenAiChat.statusOf(thrown);
    }

    @Override
    public boolean isBrokenStream(Throwable thrown) {
        return thrown instanceof SseException;
    }
}
