package org.modelfailover.gateway.scenarios;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** A JSON object of the catalogue; a key that nobody asked for is a spelling mistake. */
final class Fields {
    private final String where;
    private final JsonObject object;
    private final Set<String> asked = new HashSet<>();

    Fields(String where, JsonElement element) {
        if (!element.isJsonObject()) {
            throw new IllegalArgumentException(where + ": must be an object, but is " + element);
        }
        this.where = where;
        this.object = element.getAsJsonObject();
    }

    String where() {
        return where;
    }

    boolean has(String key) {
        asked.add(key);
        return object.has(key);
    }

    /** The value, or null. */
    JsonElement get(String key) {
        asked.add(key);
        return object.get(key);
    }

    String text(String key, String otherwise) {
        JsonElement value = get(key);
        return value == null ? otherwise : value.getAsString();
    }

    String required(String key) {
        if (!has(key)) {
            throw new IllegalArgumentException(where + ": has no '" + key + "'");
        }
        return object.get(key).getAsString();
    }

    int number(String key, int otherwise) {
        JsonElement value = get(key);
        return value == null ? otherwise : value.getAsInt();
    }

    boolean flag(String key) {
        JsonElement value = get(key);
        return value != null && value.getAsBoolean();
    }

    /** The object of this name, or an empty one. */
    Fields object(String key) {
        JsonElement value = get(key);
        return new Fields(where + "." + key, value == null ? new JsonObject() : value);
    }

    Set<String> keys() {
        asked.addAll(object.keySet());
        return object.keySet();
    }

    /** All of it, whatever the keys. */
    JsonObject asJson() {
        keys();
        return object;
    }

    List<Fields> objects(String key) {
        JsonElement value = get(key);
        JsonArray items = value == null ? new JsonArray() : value.getAsJsonArray();
        List<Fields> fields = new ArrayList<>();
        for (int i = 0; i < items.size(); i++) {
            fields.add(new Fields(where + "." + key + "[" + i + "]", items.get(i)));
        }
        return fields;
    }

    List<String> texts(String key) {
        JsonElement value = get(key);
        List<String> texts = new ArrayList<>();
        if (value != null) {
            value.getAsJsonArray().forEach(item -> texts.add(item.getAsString()));
        }
        return texts;
    }

    /** To be called when everything was asked for. */
    void done() {
        for (String key : object.keySet()) {
            if (!asked.contains(key)) {
                throw new IllegalArgumentException(where + ": unknown key '" + key + "'");
            }
        }
    }

    @Override
    public String toString() {
        return object.toString();
    }
}
