package org.modelfailover.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.genai.Client;
import com.google.genai.ResponseStream;
import com.google.genai.errors.ApiException;
import com.google.genai.types.Candidate;
import com.google.genai.types.FinishReason;
import com.google.genai.types.FunctionCall;
import com.google.genai.types.GenerateContentResponse;
import com.google.genai.types.HttpOptions;
import com.google.genai.types.HttpRetryOptions;
import com.google.gson.Gson;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * {@code POST /v1beta/models/<model>:generateContent} and {@code :streamGenerateContent} with
 * google-genai.
 */
final class GeminiContent implements Sdk {
    private final Client client;

    GeminiContent(String url) {
        client =
                Client.builder()
                        .apiKey("sk-caller")
                        .vertexAI(false)
                        .httpOptions(
                                HttpOptions.builder()
                                        .baseUrl(url)
                                        .apiVersion("v1beta")
                                        .headers(Map.of("ApiKey", TOKEN))
                                        .timeout((int) TimeUnit.SECONDS.toMillis(HANG_SECONDS))
                                        .retryOptions(HttpRetryOptions.builder().attempts(1))
                                        .build())
                        .build();
    }

    @Override
    public String ask(String model, String question) {
        return said(client.models.generateContent(model, question, null));
    }

    /** The text, or the arguments of a tool call; nothing if there is neither. */
    private static String said(GenerateContentResponse response) {
        List<FunctionCall> calls = response.functionCalls();
        if (calls != null && !calls.isEmpty()) {
            return new Gson().toJson(calls.get(0).args().orElseThrow());
        }
        return Objects.requireNonNullElse(response.text(), "");
    }

    @Override
    public void stream(String model, String question, Consumer<String> pieces) {
        List<GenerateContentResponse> chunks = new ArrayList<>();
        try (ResponseStream<GenerateContentResponse> stream =
                client.models.generateContentStream(model, question, null)) {
            for (GenerateContentResponse chunk : stream) {
                chunks.add(chunk);
                pieces.accept(said(chunk));
            }
        }
        List<FinishReason.Known> ends =
                chunks.stream()
                        .flatMap(chunk -> chunk.candidates().stream())
                        .flatMap(List::stream)
                        .map(Candidate::finishReason)
                        .flatMap(Optional::stream)
                        .map(FinishReason::knownEnum)
                        .toList();
        assertEquals(List.of(FinishReason.Known.STOP), ends, "finish reasons");
        assertEquals(
                1,
                chunks.stream().flatMap(chunk -> chunk.responseId().stream()).distinct().count(),
                "ids");
    }

    /** It has no end marker but the end of the body. */
    @Override
    public boolean knows(Fault fault) {
        return Sdk.super.knows(fault)
                && fault != Fault.NO_END_MARKER
                && fault != Fault.NOTHING_BUT_THE_END;
    }

    /** An error in a stream's data has no exception of its own; its status is the one it names. */
    @Override
    public OptionalInt status(Throwable thrown) {
        return thrown instanceof ApiException
                ? OptionalInt.of(((ApiException) thrown).code())
                : OptionalInt.empty();
    }

    @Override
    public boolean isBrokenStream(Throwable thrown) {
        return thrown instanceof ApiException;
    }
}
