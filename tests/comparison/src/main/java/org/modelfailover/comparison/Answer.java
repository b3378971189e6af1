package org.modelfailover.comparison;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;

import java.util.List;
import java.util.Locale;

/**
 * What a client got.
 *
 * @param status 0 when there was none
 * @param body as far as it came
 * @param broken the connection broke in the body
 * @param firstEventMillis from the request to the first event of a stream
 * @param millis from the request to the end
 */
record Answer(int status, String body, boolean broken, long firstEventMillis, long millis) {
    private static final Answer NONE = new Answer(0, "", false, 0, 0);

    static Answer none() {
        return NONE;
    }

    /** The same in a few words, with candidates by their letters. */
    String told(List<Candidate> candidates) {
        if (status == 0) {
            return "no answer in " + Client.PATIENCE.toSeconds() + " s";
        }
        if (body.startsWith("data:") || body.startsWith(": ")) {
            return streamTold(candidates);
        }
        if (broken) {
            return status + ", broken off";
        }
        if (body.isBlank()) {
            return "an empty " + status;
        }
        JsonObject json = object(body);
        if (json == null) {
            return status + " with broken JSON";
        }
        if (json.has("choices")) {
            return status + " from " + author(json, candidates);
        }
        if (json.has("type") && json.get("type").getAsString().equals("Status report")) {
            return "the gateway's " + status;
        }
        return status == 200 ? "200 with an error in it" : "the provider's " + status;
    }

    private String streamTold(List<Candidate> candidates) {
        JsonObject first = object(events().get(0));
        String told = status + ", a stream";
        if (first != null && first.has("choices")) {
            told += " from " + author(first, candidates);
        }
        boolean error = body.contains("\"error\"");
        if (body.contains("data: [DONE]")) {
            return told + (error ? " with an error and an end" : ", whole");
        }
        return told + (error ? " that ends in an error" : broken ? ", broken off" : ", cut short");
    }

    /** Whether a stream's events came one by one, and not all together at its end. */
    boolean cameAsItWasSpoken() {
        return firstEventMillis < millis / 2;
    }

    /** What the model said. */
    String text() {
        StringBuilder text = new StringBuilder();
        for (String event : events()) {
            JsonObject json = object(event);
            if (json != null && json.has("choices") && json.getAsJsonArray("choices").size() > 0) {
                JsonObject choice = json.getAsJsonArray("choices").get(0).getAsJsonObject();
                JsonElement content = choice.getAsJsonObject("delta").get("content");
                text.append(content == null || content.isJsonNull() ? "" : content.getAsString());
            }
        }
        return text.toString();
    }

    private List<String> events() {
        return body.lines()
                .filter(line -> line.startsWith("data:"))
                .map(line -> line.substring(5).trim())
                .toList();
    }

    private static String author(JsonObject json, List<Candidate> candidates) {
        String model = json.get("model").getAsString();
        return candidates.stream()
                .filter(c -> c.model().equals(model))
                .map(Candidate::letter)
                .findFirst()
                .orElse("`" + model.toLowerCase(Locale.ROOT) + "`");
    }

    private static JsonObject object(String text) {
        try {
            JsonElement element = JsonParser.parseString(text);
            return element.isJsonObject() ? element.getAsJsonObject() : null;
        } catch (JsonParseException e) {
            return null;
        }
    }
}
