package org.modelfailover.kit.stream;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;

/** A wire format: how an answer is asked for in it, and how its stream is read. */
public enum Format {
    CHAT(
            "/chat/completions",
            "{'model': '%s', 'messages': [{'role': 'user', 'content': 'hi'}]}",
            ServerSentEvents::new,
            () -> new ChatReading("chat.completion.chunk")),
    COMPLETIONS(
            "/completions",
            "{'model': '%s', 'prompt': 'hi'}",
            ServerSentEvents::new,
            () -> new ChatReading("text_completion")),
    RESPONSES(
            "/responses",
            "{'model': '%s', 'input': 'hi'}",
            ServerSentEvents::new,
            ResponsesReading::new),
    MESSAGES(
            "/messages",
            "{'model': '%s', 'max_tokens': 99, 'messages': [{'role': 'user', 'content': 'hi'}]}",
            ServerSentEvents::new,
            () -> new MessagesReading(false)),
    GEMINI(
            "/models/%s:generateContent",
            "/models/%s:streamGenerateContent?alt=sse",
            "{'contents': [{'role': 'user', 'parts': [{'text': 'hi'}]}]}",
            ServerSentEvents::new,
            GeminiReading::new),
    GEMINI_ARRAY(
            "/models/%s:generateContent",
            "/models/%s:streamGenerateContent",
            "{'contents': [{'role': 'user', 'parts': [{'text': 'hi'}]}]}",
            JsonElements::new,
            GeminiReading::new),
    CONVERSE(
            "/model/%s/converse",
            "/model/%s/converse-stream",
            "{'messages': [{'role': 'user', 'content': [{'text': 'hi'}]}]}",
            AmazonEventStream::new,
            ConverseReading::new),
    INVOKE(
            "/model/%s/invoke",
            "/model/%s/invoke-with-response-stream",
            "{'anthropic_version': 'bedrock-2023-05-31', 'max_tokens': 99,"
                    + " 'messages': [{'role': 'user', 'content': 'hi'}]}",
            AmazonEventStream::new,
            () -> new MessagesReading(true));

    private final String path;
    private final String streamPath;
    private final String question;
    private final Supplier<Framing> framing;
    private final Supplier<Reading> reader;

    Format(String path, String question, Supplier<Framing> framing, Supplier<Reading> reader) {
        this(path, path, question, framing, reader);
    }

    Format(
            String path,
            String streamPath,
            String question,
            Supplier<Framing> framing,
            Supplier<Reading> reader) {
        this.path = path;
        this.streamPath = streamPath;
        this.question = question;
        this.framing = framing;
        this.reader = reader;
    }

    /** The format that the catalogue calls so. */
    public static Format named(String name) {
        return valueOf(name.toUpperCase(Locale.ROOT).replace('-', '_'));
    }

    /** Its name in the catalogue. */
    public String id() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Where a model is asked, behind the API's base URL. */
    public String path(String model, boolean stream) {
        return String.format(stream ? streamPath : path, model);
    }

    /** What a model is asked, with the members of {@code more} added. */
    public JsonObject question(String model, boolean stream, JsonObject more) {
        String json = String.format(question.replace('\'', '"'), model);
        JsonObject body = JsonParser.parseString(json).getAsJsonObject();
        if (stream && path.equals(streamPath)) {
            body.addProperty("stream", true);
        }
        more.entrySet().forEach(member -> body.add(member.getKey(), member.getValue()));
        return body;
    }

    /** Reads a stream; {@code broken}: its connection did not end as it should. */
    public Reading read(List<Piece> pieces, boolean broken) {
        Reading reading = reader.get();
        reading.read(framing.get(), pieces, broken);
        return reading;
    }
}
