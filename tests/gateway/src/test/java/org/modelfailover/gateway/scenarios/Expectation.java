package org.modelfailover.gateway.scenarios;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/** Compares values with what a scenario says of them; each difference is a sentence. */
final class Expectation {
    private final List<String> differences = new ArrayList<>();

    List<String> differences() {
        return differences;
    }

    void require(boolean condition, String difference) {
        if (!condition) {
            differences.add(difference);
        }
    }

    /**
     * Checks a value.
     *
     * @param expected null: absent; true: present; [min, max]; {"matches": regex}; {"lacks": text};
     *     anything else: equal to its text
     * @param actual null when it is absent
     */
    void value(String what, JsonElement expected, String actual) {
        String said = what + ": expected " + expected + ", got " + actual;
        if (expected.isJsonNull()) {
            require(actual == null, what + ": expected none, got " + actual);
        } else if (actual == null) {
            differences.add(said);
        } else if (expected.isJsonArray()) {
            try {
                double number = Double.parseDouble(actual);
                require(
                        number >= expected.getAsJsonArray().get(0).getAsDouble()
                                && number <= expected.getAsJsonArray().get(1).getAsDouble(),
                        said);
            } catch (NumberFormatException e) {
                differences.add(said);
            }
        } else if (expected.isJsonObject()) {
            JsonObject how = expected.getAsJsonObject();
            if (how.has("matches")) {
                require(
                        Pattern.compile(how.get("matches").getAsString(), Pattern.DOTALL)
                                .matcher(actual)
                                .find(),
                        said);
            } else if (how.has("lacks")) {
                require(!actual.contains(how.get("lacks").getAsString()), said);
            } else {
                throw new IllegalArgumentException(what + ": " + expected + " says nothing");
            }
        } else if (!expected.toString().equals("true")) {
            require(expected.getAsString().equals(actual), said);
        }
    }

    /** Checks the values at JSON pointers. */
    void pointers(String what, Fields expected, String body) {
        for (String pointer : expected.keys()) {
            String actual;
            try {
                actual =
                        at(JsonParser.parseString(body), pointer)
                                .map(Expectation::text)
                                .orElse(null);
            } catch (JsonParseException e) {
                differences.add(what + " is not JSON: " + body);
                return;
            }
            value(what + " at " + pointer, expected.get(pointer), actual);
        }
    }

    private static String text(JsonElement element) {
        return element.isJsonPrimitive() ? element.getAsString() : element.toString();
    }

    private static Optional<JsonElement> at(JsonElement root, String pointer) {
        JsonElement at = root;
        String[] parts = pointer.isEmpty() ? new String[0] : pointer.substring(1).split("/");
        for (String part : parts) {
            String key = part.replace("~1", "/").replace("~0", "~");
            if (at.isJsonObject() && at.getAsJsonObject().has(key)) {
                at = at.getAsJsonObject().get(key);
            } else if (at.isJsonArray()
                    && key.matches("\\d{1,6}")
                    && Integer.parseInt(key) < at.getAsJsonArray().size()) {
                at = at.getAsJsonArray().get(Integer.parseInt(key));
            } else {
                return Optional.empty();
            }
        }
        return Optional.of(at);
    }
}
