package org.modelfailover.gateway.scenarios;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Fills <code>${…}</code> in: models, endpoint ids, the scenario's id, times from now on. */
final class Template {
    private static final Pattern HOLE = Pattern.compile("\\$\\{([^}]+)}");
    private static final Pattern TIME =
            Pattern.compile("(http-date|rfc3339|epoch|epoch-ms)([+-]\\d+)");

    private final Map<String, String> values = new TreeMap<>();

    Template(Scenario scenario) {
        values.put("id", scenario.id());
        for (Scenario.Model model : scenario.models().values()) {
            // A name may be given in terms of those before it.
            values.put(model.letter(), fill(model.name()));
            values.put(model.letter() + ".endpoint", Endpoints.idOf(model.endpoint()));
        }
        Endpoints.ENDPOINTS.forEach(name -> values.put("endpoint." + name, Endpoints.idOf(name)));
    }

    String fill(String text) {
        return HOLE.matcher(text)
                .replaceAll(hole -> Matcher.quoteReplacement(value(hole.group(1))));
    }

    JsonElement fill(JsonElement element) {
        if (element.isJsonObject()) {
            JsonObject filled = new JsonObject();
            element.getAsJsonObject()
                    .entrySet()
                    .forEach(e -> filled.add(fill(e.getKey()), fill(e.getValue())));
            return filled;
        }
        if (element.isJsonArray()) {
            JsonArray filled = new JsonArray();
            element.getAsJsonArray().forEach(item -> filled.add(fill(item)));
            return filled;
        }
        boolean text = element.isJsonPrimitive() && element.getAsJsonPrimitive().isString();
        return text ? new JsonPrimitive(fill(element.getAsString())) : element;
    }

    private String value(String name) {
        String value = values.get(name);
        if (value != null) {
            return value;
        }
        Matcher time = TIME.matcher(name);
        if (!time.matches()) {
            throw new IllegalArgumentException(
                    "${" + name + "}: there are only " + values.keySet());
        }
        Instant at = Instant.now().plusSeconds(Long.parseLong(time.group(2)));
        switch (time.group(1)) {
            case "http-date":
                return DateTimeFormatter.RFC_1123_DATE_TIME.format(at.atOffset(ZoneOffset.UTC));
            case "rfc3339":
                return at.toString();
            case "epoch":
                return String.valueOf(at.getEpochSecond());
            default:
                return String.valueOf(at.toEpochMilli());
        }
    }
}
