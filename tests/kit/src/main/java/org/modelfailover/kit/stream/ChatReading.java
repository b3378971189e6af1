package org.modelfailover.kit.stream;

import com.google.gson.JsonObject;

import java.util.HashSet;
import java.util.Set;

/** OpenAI chat completions and completions. */
final class ChatReading extends Reading {
    private static final int FIRST = 0;

    private final String object;
    private final Set<Integer> begun = new HashSet<>();
    private final Set<Integer> finished = new HashSet<>();

    /** {@code object} is what every chunk says of itself. */
    ChatReading(String object) {
        this.object = object;
    }

    @Override
    protected void event(Frame frame) {
        if (frame.data().equals("[DONE]")) {
            require(error() == null, "[DONE] after an error");
            require(!finished.isEmpty(), "[DONE] without a finish reason");
            require(finished.containsAll(begun), "[DONE], and not all choices are finished");
            ends();
            return;
        }
        JsonObject chunk = json(frame);
        if (has(chunk, "error")) {
            fails(chunk.getAsJsonObject("error").get("message"));
            return;
        }
        require(frame.name().isEmpty(), "an event with a name: " + frame);
        require(text(chunk, "object").equals(object), "an object of another kind: " + frame);
        id(chunk.get("id"));
        for (JsonObject choice : objects(chunk, "choices")) {
            choice(choice);
        }
        if (has(chunk, "usage")) {
            usage(chunk.getAsJsonObject("usage"));
        }
    }

    private void choice(JsonObject choice) {
        int index = choice.get("index").getAsInt();
        JsonObject delta = choice.has("delta") ? choice.getAsJsonObject("delta") : choice;
        if (has(delta, "role")) {
            require(begun.add(index), "a second role of choice " + index);
        }
        begun.add(index);
        String said = text(delta, "content") + text(delta, "text");
        boolean says = !said.isEmpty() || has(delta, "tool_calls");
        require(!says || !finished.contains(index), "more after the finish reason: " + choice);
        if (index == FIRST) {
            says(said);
            thinks(text(delta, "reasoning_content"));
            objects(delta, "tool_calls")
                    .forEach(call -> calls(text(call.getAsJsonObject("function"), "arguments")));
        }
        if (has(choice, "finish_reason")) {
            require(finished.add(index), "a second finish reason: " + choice);
        }
    }

    private void usage(JsonObject reported) {
        require(usage() == null, "a second usage: " + reported);
        reports(
                new Usage(
                        reported.get("prompt_tokens").getAsLong(),
                        reported.get("completion_tokens").getAsLong(),
                        0,
                        reported.get("total_tokens").getAsLong()));
    }
}
