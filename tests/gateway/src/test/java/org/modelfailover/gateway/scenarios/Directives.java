package org.modelfailover.gateway.scenarios;

import com.google.gson.JsonElement;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** What a provider does, in the words of {@code tests/provider/README.md}. */
final class Directives {
    private Directives() {}

    /** Of {@code "status=503"}, or of an object as the catalogue has it. */
    static String of(String where, JsonElement does) {
        if (does.isJsonPrimitive()) {
            return does.getAsString();
        }
        Fields fields = new Fields(where, does);
        List<String> directives = new ArrayList<>();
        if (fields.has("status")) {
            directives.add("status=" + fields.number("status", 0));
        }
        Fields headers = fields.object("headers");
        for (String name : headers.keys()) {
            directives.add("header=" + name + ":" + encoded(headers.required(name)));
        }
        JsonElement body = fields.get("body");
        if (body != null) {
            String text = body.isJsonPrimitive() ? body.getAsString() : body.toString();
            directives.add("body=" + encoded(text.repeat(fields.number("repeat", 1))));
        }
        if (fields.has("half")) {
            String text = fields.required("half");
            int length = text.getBytes(StandardCharsets.UTF_8).length;
            directives.add("body=" + encoded(text + " ".repeat(length)));
        }
        if (fields.has("type")) {
            directives.add("type=" + fields.required("type"));
        }
        if (fields.has("also")) {
            directives.add(fields.required("also"));
        }
        fields.done();
        return String.join("~", directives);
    }

    private static String encoded(String text) {
        StringBuilder encoded = new StringBuilder();
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            boolean plain = b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z';
            encoded.append(plain ? String.valueOf((char) b) : String.format("%%%02X", b));
        }
        return encoded.toString();
    }
}
