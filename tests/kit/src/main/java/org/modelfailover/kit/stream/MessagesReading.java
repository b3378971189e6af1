package org.modelfailover.kit.stream;

import com.google.gson.JsonObject;

import java.nio.charset.StandardCharsets;
import java.util.Base64;

/** Anthropic Messages, by themselves or in the chunks of Bedrock's {@code InvokeModel}. */
final class MessagesReading extends Reading {
    private static final int NONE = -1;

    private final boolean inChunks;
    private boolean started;
    private int blocks;
    private int open = NONE;
    private boolean stopped;
    private long prompt;

    MessagesReading(boolean inChunks) {
        this.inChunks = inChunks;
    }

    @Override
    protected void event(Frame frame) {
        JsonObject event = json(frame);
        if (frame.exception()) {
            AmazonExceptions.check(frame.name(), this::require);
            fails(event.get("message"));
            return;
        }
        if (!inChunks) {
            require(
                    frame.name().equals(text(event, "type")),
                    "a name that is not the type: " + frame);
            message(event);
        } else if (frame.name().equals("chunk")) {
            byte[] bytes = Base64.getDecoder().decode(event.get("bytes").getAsString());
            message(json(new Frame("", new String(bytes, StandardCharsets.UTF_8))));
        }
        // Clients pass over AWS events of a type they don't know.
    }

    private void message(JsonObject event) {
        String type = text(event, "type");
        require(
                started || type.equals("message_start") || type.equals("ping") || isError(type),
                type + " before message_start");
        switch (type) {
            case "message_start":
                require(!started, "a second message_start");
                started = true;
                JsonObject message = event.getAsJsonObject("message");
                id(message.get("id"));
                prompt = number(message.getAsJsonObject("usage"), "input_tokens");
                break;
            case "content_block_start":
                require(open == NONE, "a block begins in block " + open);
                open = event.get("index").getAsInt();
                require(open == blocks, "block " + open + " after " + blocks + " blocks");
                blocks++;
                break;
            case "content_block_delta":
                require(
                        event.get("index").getAsInt() == open,
                        "block " + open + " is open: " + event);
                delta(event.getAsJsonObject("delta"));
                break;
            case "content_block_stop":
                require(
                        event.get("index").getAsInt() == open,
                        "block " + open + " is open: " + event);
                open = NONE;
                break;
            case "message_delta":
                require(open == NONE, "a stop reason in block " + open);
                require(!stopped, "a second message_delta");
                stopped = has(event.getAsJsonObject("delta"), "stop_reason");
                usage(event.getAsJsonObject("usage"));
                break;
            case "message_stop":
                require(stopped, "message_stop without a stop reason");
                ends();
                break;
            case "error":
                require(!inChunks, "an error that is no exception");
                require(
                        !text(event.getAsJsonObject("error"), "type").isEmpty(),
                        "an error without a type: " + event);
                fails(event.getAsJsonObject("error").get("message"));
                break;
            case "ping":
                break;
            default:
                fault("an event of no known type: " + event);
        }
    }

    private static boolean isError(String type) {
        return type.equals("error");
    }

    private void delta(JsonObject delta) {
        says(text(delta, "text"));
        thinks(text(delta, "thinking"));
        calls(text(delta, "partial_json"));
    }

    private void usage(JsonObject usage) {
        prompt = Math.max(prompt, number(usage, "input_tokens"));
        reports(new Usage(prompt, usage.get("output_tokens").getAsLong(), 0, null));
    }
}
