package org.modelfailover.gateway.demo;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;

/**
 * What a client asks.
 *
 * @param model the model it names
 * @param text its message
 * @param token the gateway's token
 * @param stream whether the answer is wanted word by word
 */
record Question(String model, String text, String token, boolean stream) {
    static final String PRODUCTION_TOKEN = "production-demo";
    static final String SANDBOX_TOKEN = "sandbox-demo";

    static Question of(String model, String text) {
        return new Question(model, text, PRODUCTION_TOKEN, false);
    }

    Question streamed() {
        return new Question(model, text, token, true);
    }

    Question withSandboxToken() {
        return new Question(model, text, SANDBOX_TOKEN, stream);
    }

    String body() {
        JsonObject message = new JsonObject();
        message.addProperty("role", "user");
        message.addProperty("content", text);
        JsonArray messages = new JsonArray();
        messages.add(message);
        JsonObject body = new JsonObject();
        body.addProperty("model", model);
        if (stream) {
            body.addProperty("stream", true);
        }
        body.add("messages", messages);
        return body.toString();
    }

    @Override
    public String toString() {
        return "asks for "
                + model
                + (stream ? ", streamed" : "")
                + (token.equals(SANDBOX_TOKEN) ? ", with a sandbox key" : "")
                + ": “"
                + text
                + "”";
    }
}
