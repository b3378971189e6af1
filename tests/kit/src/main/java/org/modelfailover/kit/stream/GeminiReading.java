package org.modelfailover.kit.stream;

import com.google.gson.JsonObject;

/** Gemini's {@code streamGenerateContent}. Its end is a finish reason and the end of the body. */
final class GeminiReading extends Reading {
    @Override
    protected void event(Frame frame) {
        JsonObject response = json(frame);
        if (has(response, "error")) {
            JsonObject error = response.getAsJsonObject("error");
            require(error.get("code").getAsInt() >= 400, "an error without a code: " + error);
            require(!text(error, "status").isEmpty(), "an error without a status: " + error);
            fails(error.get("message"));
            return;
        }
        id(response.get("responseId"));
        for (JsonObject candidate : objects(response, "candidates")) {
            if (has(candidate, "content")) {
                objects(candidate.getAsJsonObject("content"), "parts").forEach(this::part);
            }
            if (has(candidate, "finishReason")) {
                ends();
            }
        }
        if (has(response, "usageMetadata")) {
            usage(response.getAsJsonObject("usageMetadata"));
        }
    }

    private void part(JsonObject part) {
        if (has(part, "thought") && part.get("thought").getAsBoolean()) {
            thinks(text(part, "text"));
        } else {
            says(text(part, "text"));
        }
        if (has(part, "functionCall")) {
            calls(part.getAsJsonObject("functionCall").get("args").toString());
        }
    }

    private void usage(JsonObject reported) {
        Usage now =
                new Usage(
                        reported.get("promptTokenCount").getAsLong(),
                        number(reported, "candidatesTokenCount"),
                        number(reported, "thoughtsTokenCount"),
                        reported.get("totalTokenCount").getAsLong());
        require(now.addsUp(), "a usage that does not add up: " + reported);
        Usage before = usage();
        require(
                before == null
                        || now.completion() >= before.completion()
                                && now.reasoning() >= before.reasoning(),
                "a usage that shrinks: " + before + ", " + now);
        reports(now);
    }
}
