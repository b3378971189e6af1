package org.modelfailover.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.openai.client.OpenAIClient;
import com.openai.core.http.StreamResponse;
import com.openai.errors.SseException;
import com.openai.helpers.ResponseAccumulator;
import com.openai.models.responses.Response;
import com.openai.models.responses.ResponseCreateParams;
import com.openai.models.responses.ResponseOutputItem;
import com.openai.models.responses.ResponseOutputText;
import com.openai.models.responses.ResponseStatus;
import com.openai.models.responses.ResponseStreamEvent;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** {@code POST /responses} with openai-java. */
final class OpenAiResponses implements Sdk {
    private final OpenAIClient client;

    OpenAiResponses(String url) {
        client = OpenAiChat.client(url);
    }

    private static ResponseCreateParams params(String model, String question) {
        return ResponseCreateParams.builder().model(model).input(question).build();
    }

    /** The text, or the arguments of a tool call. */
    private static String said(Response response) {
        return response.output().stream()
                .flatMap(
                        item ->
                                item.isFunctionCall()
                                        ? Stream.of(item.asFunctionCall().arguments())
                                        : texts(item))
                .collect(Collectors.joining());
    }

    private static Stream<String> texts(ResponseOutputItem item) {
        return item.message().stream()
                .flatMap(message -> message.content().stream())
                .flatMap(content -> content.outputText().stream())
                .map(ResponseOutputText::text);
    }

    @Override
    public String ask(String model, String question) {
        return said(client.responses().create(params(model, question)));
    }

    @Override
    public void stream(String model, String question, Consumer<String> pieces) {
        ResponseAccumulator whole = ResponseAccumulator.create();
        StringBuilder text = new StringBuilder();
        Consumer<String> both = pieces.andThen(text::append);
        List<Long> numbers = new ArrayList<>();
        try (StreamResponse<ResponseStreamEvent> stream =
                client.responses().createStreaming(params(model, question))) {
            stream.stream()
                    .map(whole::accumulate)
                    .forEach(
                            event -> {
                                event.outputTextDelta()
                                        .ifPresent(
                                                delta -> {
                                                    numbers.add(delta.sequenceNumber());
                                                    both.accept(delta.delta());
                                                });
                                event.functionCallArgumentsDelta()
                                        .ifPresent(delta -> both.accept(delta.delta()));
                            });
        }
        assertEquals(ResponseStatus.COMPLETED, whole.response().status().orElseThrow(), "status");
        assertEquals(
                text.toString(), said(whole.response()), "the pieces against what is accumulated");
        assertEquals(
                numbers.stream().sorted().distinct().toList(), numbers, "the sequence numbers");
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
