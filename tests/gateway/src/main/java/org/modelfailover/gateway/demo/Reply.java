package org.modelfailover.gateway.demo;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;

import org.modelfailover.kit.Answer;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** What a client got, as a reader of the story wants to see it. */
record Reply(Answer answer) {
    /**
     * One event of a streamed answer.
     *
     * @param after since the request was sent
     * @param data what follows {@code data:}
     */
    record Chunk(Duration after, String data) {
        /** The text in it; nothing when there is none. */
        String text() {
            return field("content");
        }

        /** Whether it says who speaks, as the first chunk does. */
        boolean hasRole() {
            return !field("role").isEmpty();
        }

        boolean isDone() {
            return data.equals("[DONE]");
        }

        /** What it is for, in a word or two. */
        String meaning() {
            if (!text().isEmpty()) {
                return "“" + text() + "”";
            }
            if (isDone()) {
                return data;
            }
            return hasRole() ? "who speaks: " + field("role") : "no more words";
        }

        String id() {
            JsonObject event = object(data);
            return event.has("id") ? event.get("id").getAsString() : "";
        }

        private String field(String name) {
            JsonObject choice = first(object(data), "choices");
            if (choice.has("delta") && choice.getAsJsonObject("delta").has(name)) {
                JsonElement value = choice.getAsJsonObject("delta").get(name);
                return value.isJsonNull() ? "" : value.getAsString();
            }
            return "";
        }
    }

    int status() {
        return answer.status();
    }

    String body() {
        return answer.body();
    }

    String header(String name) {
        return answer.header(name);
    }

    long millis() {
        return answer.millis();
    }

    /** The events of a stream; a whole answer has none. */
    List<Chunk> chunks() {
        return answer.events().stream()
                .map(event -> new Chunk(Duration.ofMillis(event.millis()), event.data()))
                .toList();
    }

    /** The model and endpoint that served, as the gateway says. */
    String servedBy() {
        return header("x-failover-model") + " @ " + header("x-failover-endpoint");
    }

    /** What the model said, or else the error. */
    String text() {
        List<Chunk> chunks = chunks();
        if (!chunks.isEmpty()) {
            return String.join("", chunks.stream().map(Chunk::text).toList());
        }
        JsonObject whole = object(body());
        if (whole.has("choices")) {
            JsonObject choice = first(whole, "choices");
            return choice.getAsJsonObject("message").get("content").getAsString();
        }
        if (whole.has("error") && whole.get("error").isJsonObject()) {
            return whole.getAsJsonObject("error").get("message").getAsString();
        }
        return whole.has("description") ? whole.get("description").getAsString() : body();
    }

    String summary(Lineup lineup) {
        List<String> parts = new ArrayList<>();
        parts.add(status() + " after " + millis() + " ms");
        if (!header("x-failover-model").isEmpty()) {
            parts.add(
                    "from "
                            + header("x-failover-model")
                            + " at "
                            + lineup.nameOf(header("x-failover-endpoint")));
            String attempts = header("x-failover-attempts");
            parts.add(attempts + (attempts.equals("1") ? " attempt" : " attempts"));
        }
        if (!header("retry-after").isEmpty()) {
            parts.add("Retry-After: " + header("retry-after"));
        }
        return String.join(", ", parts);
    }

    private static JsonObject first(JsonObject object, String array) {
        boolean some = object.has(array) && object.getAsJsonArray(array).size() > 0;
        return some ? object.getAsJsonArray(array).get(0).getAsJsonObject() : new JsonObject();
    }

    private static JsonObject object(String json) {
        try {
            JsonElement element = JsonParser.parseString(json);
            return element.isJsonObject() ? element.getAsJsonObject() : new JsonObject();
        } catch (JsonParseException e) {
            return new JsonObject();
        }
    }
}
