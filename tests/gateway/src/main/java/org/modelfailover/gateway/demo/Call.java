package org.modelfailover.gateway.demo;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One call as the provider logged it.
 *
 * @param provider who logged it
 * @param line its log line
 */
public record Call(Provider provider, JsonObject line) {
    public String model() {
        return text("model");
    }

    public String time() {
        return text("time");
    }

    public String path() {
        return text("path");
    }

    public String body() {
        return text("body");
    }

    /** What it did: {@code answered 503}, {@code silent} … */
    String outcome() {
        return text("outcome");
    }

    /** How it came to its end; nothing while it goes on. */
    public String end() {
        return text("end");
    }

    boolean at(Endpoint endpoint) {
        return endpoint.provider() == provider && path().startsWith(endpoint.path());
    }

    /** Headers by their names in lower case. */
    public Map<String, String> headers() {
        Map<String, String> headers = new LinkedHashMap<>();
        for (JsonElement header : line.getAsJsonArray("headers")) {
            headers.put(
                    header.getAsJsonArray().get(0).getAsString().toLowerCase(java.util.Locale.ROOT),
                    header.getAsJsonArray().get(1).getAsString());
        }
        return headers;
    }

    /** Everything that reached the provider, to look for what must not. */
    boolean carries(String secret) {
        return path().contains(secret) || headers().containsValue(secret);
    }

    @Override
    public String toString() {
        String answered = outcome() + (end().equals("client-left") ? ", given up" : "");
        return String.format(
                "%-13s at %s → %-22s %s", model(), provider.name(), answered, credential());
    }

    private String credential() {
        for (Credential credential : Credential.ALL) {
            if (credential.isIn(this)) {
                return "with " + credential;
            }
        }
        return "without a credential";
    }

    private String text(String name) {
        JsonElement value = line.get(name);
        return value == null || value.isJsonNull() ? "" : value.getAsString();
    }
}
