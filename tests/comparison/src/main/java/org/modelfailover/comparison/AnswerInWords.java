package org.modelfailover.comparison;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;

import org.modelfailover.kit.Answer;
import org.modelfailover.kit.Answer.Event;

import java.util.List;
import java.util.Locale;

/** What a client got, in a few words, with candidates by their letters. */
record AnswerInWords(Answer answer, List<Candidate> candidates) {
    String told() {
        int status = answer.status();
        String body = answer.body();
        if (status == 0) {
            return "no answer in " + ComparedApis.PATIENCE.toSeconds() + " s";
        }
        if (body.startsWith("data:") || body.startsWith(": ")) {
            return streamTold();
        }
        if (answer.isBroken()) {
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
            return status + " from " + author(json);
        }
        if (json.has("type") && json.get("type").getAsString().equals("Status report")) {
            return "the gateway's " + status;
        }
        return status == 200 ? "200 with an error in it" : "the provider's " + status;
    }

    private String streamTold() {
        JsonObject first = object(answer.events().get(0).data());
        String told = answer.status() + ", a stream";
        if (first != null && first.has("choices")) {
            told += " from " + author(first);
        }
        boolean error = answer.body().contains("\"error\"");
        if (answer.body().contains("data: [DONE]")) {
            return told + (error ? " with an error and an end" : ", whole");
        }
        return told
                + (error
                        ? " that ends in an error"
                        : answer.isBroken() ? ", broken off" : ", cut short");
    }

    /** Whether a stream's events came one by one, and not all together at its end. */
    boolean cameAsItWasSpoken() {
        List<Event> events = answer.events();
        return !events.isEmpty() && events.get(0).millis() < answer.millis() / 2;
    }

    /** What the model said. */
    String text() {
        StringBuilder text = new StringBuilder();
        for (Event event : answer.events()) {
            JsonObject json = object(event.data());
            if (json != null && json.has("choices") && json.getAsJsonArray("choices").size() > 0) {
                JsonObject choice = json.getAsJsonArray("choices").get(0).getAsJsonObject();
                JsonElement content = choice.getAsJsonObject("delta").get("content");
                text.append(content == null || content.isJsonNull() ? "" : content.getAsString());
            }
        }
        return text.toString();
    }

    private String author(JsonObject json) {
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
