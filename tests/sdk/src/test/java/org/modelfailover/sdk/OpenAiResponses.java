package org.modelfailover.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.openai.client.OpenAIClient;
import com.openai.core.http.StreamResponse;
import com.openai.errors.SseException;
import com.openai.helpers.ResponseAccumulator;
import com.openai.models.responses.Response;
import com.openai.models.responses.ResponseCreateParams;
import com.openai.models.responses.ResponseOutputText;
import com.openai.models.responses.ResponseStatus;
import com.openai.models.responses.ResponseStreamEvent;

import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** {@code POST /responses} with openai-java. */
final class OpenAiResponses implements Sdk {
    private final OpenAIClient client;

    OpenAiResponses(String url) {
        client = OpenAiChat.client(url);
    }

    private static ResponseCreateParams params(String model, String question) {
        return ResponseCreateParams.builder().model(model).input(question).build();
    }

    private static String text(Response response) {
        return response.output().stream()
                .flatMap(item -> item.message().stream())
                .flatMap(message -> message.content().stream())
                .flatMap(content -> content.outputText().stream())
                .map(ResponseOutputText::text)
                .collect(Collectors.joining());
    }

    @Override
    public String ask(String model, String question) {
        return text(client.responses().create(params(model, question)));
    }

    @Override
    public void stream(String model, String question, Consumer<String> pieces) {
        ResponseAccumulator whole = ResponseAccumulator.create();
        StringBuilder text = new StringBuilder();
        try (StreamResponse<ResponseStreamEvent> stream =
                client.responses().createStreaming(params(model, question))) {
            stream.stream()
                    .map(whole::accumulate)
                    .flatMap(event -> event.outputTextDelta().stream())
                    .forEach(
                            delta -> {
                                text.append(delta.delta());
                                pieces.accept(delta.delta());
                            });
        }
        assertEquals(ResponseStatus.COMPLETED, whole.response().status().orElseThrow(), "status");
        assertEquals(text.toString(), text(whole.response()), "the deltas against the response");
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
