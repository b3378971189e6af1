package org.modelfailover.apimanager;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.stream.Format;
import org.modelfailover.kit.stream.Piece;
import org.modelfailover.kit.stream.Reading;
import org.modelfailover.kit.stream.Usage;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** How a provider's answers are read by who asked, without the policy's help. */
enum WireFormat {
    CHAT(Format.CHAT, "choices.0.message.content", Counts.OPENAI),
    COMPLETIONS(Format.COMPLETIONS, "choices.0.text", Counts.OPENAI),
    RESPONSES(
            Format.RESPONSES,
            "output.0.content.0.text",
            "usage.input_tokens usage.output_tokens usage.total_tokens"),
    MESSAGES(Format.MESSAGES, "content.0.text", Counts.ANTHROPIC),
    INVOKE(Format.INVOKE, "content.0.text", Counts.ANTHROPIC),
    GEMINI(Format.GEMINI, "candidates.0.content.parts.0.text", Counts.GEMINI),
    GEMINI_ARRAY(Format.GEMINI_ARRAY, "candidates.0.content.parts.0.text", Counts.GEMINI),
    CONVERSE(
            Format.CONVERSE,
            "output.message.content.0.text",
            "usage.inputTokens usage.outputTokens usage.totalTokens"),
    /** Nobody's, as an administrator may define it. */
    OWN(null, "output", "meta.billed.in meta.billed.out") {
        @Override
        Said stream(List<Piece> pieces) {
            ByteArrayOutputStream body = new ByteArrayOutputStream();
            pieces.forEach(piece -> body.writeBytes(piece.bytes()));
            StringBuilder text = new StringBuilder();
            Tokens tokens = null;
            for (String event : GatewayTest.events(body.toString(StandardCharsets.UTF_8))) {
                JsonObject json = JsonParser.parseString(event).getAsJsonObject();
                text.append(json.has("delta") ? json.get("delta").getAsString() : "");
                tokens = json.has("meta") ? tokens(json) : tokens;
            }
            return new Said(text.toString(), tokens, "");
        }

        @Override
        String cut() {
            // Of a format that it does not know, any data at all is useful to the policy.
            return "empty";
        }
    };

    /** Where counts stand: prompt, completion and, where there is one, total. */
    private static final class Counts {
        static final String OPENAI =
                "usage.prompt_tokens usage.completion_tokens usage.total_tokens";
        static final String ANTHROPIC = "usage.input_tokens usage.output_tokens";
        static final String GEMINI =
                "usageMetadata.promptTokenCount usageMetadata.candidatesTokenCount"
                        + " usageMetadata.totalTokenCount";
    }

    /** Tokens as they are reported, or counted. */
    record Tokens(long prompt, long completion, long total) {
        @Override
        public String toString() {
            return prompt + " + " + completion + " = " + total;
        }
    }

    /**
     * An answer.
     *
     * @param tokens null when it tells none
     * @param faults what is wrong with it, whichever number the answer has
     */
    record Said(String text, Tokens tokens, String faults) {}

    private final Format format;
    private final String text;
    private final String[] counts;

    WireFormat(Format format, String text, String counts) {
        this.format = format;
        this.text = text;
        this.counts = counts.split(" ");
    }

    /** The fault of a stream that is cut before it says anything useful. */
    String cut() {
        return "cut=0";
    }

    /** Reads a whole answer. */
    Said plain(byte[] body) {
        JsonObject json =
                JsonParser.parseString(new String(body, StandardCharsets.UTF_8)).getAsJsonObject();
        return new Said(at(json, text).getAsString(), tokens(json), "");
    }

    final Tokens tokens(JsonObject json) {
        long prompt = at(json, counts[0]).getAsLong();
        long completion = at(json, counts[1]).getAsLong();
        return new Tokens(
                prompt,
                completion,
                counts.length > 2 ? at(json, counts[2]).getAsLong() : prompt + completion);
    }

    private static JsonElement at(JsonElement json, String path) {
        JsonElement at = json;
        for (String step : path.split("\\.")) {
            at =
                    at.isJsonArray()
                            ? at.getAsJsonArray().get(Integer.parseInt(step))
                            : at.getAsJsonObject().get(step);
        }
        return at;
    }

    /** Reads a streamed answer, or its beginning. */
    Said stream(List<Piece> pieces) {
        Reading reading = format.read(pieces, false);
        Usage usage = reading.usage();
        return new Said(
                reading.text(),
                usage == null
                        ? null
                        : new Tokens(
                                usage.prompt(),
                                usage.completion(),
                                usage.total() == null
                                        ? usage.prompt() + usage.completion()
                                        : usage.total()),
                reading.faults().toString().replaceAll("(-two)-\\d+", "$1"));
    }
}
