package org.modelfailover.kit.stream;

import com.google.gson.JsonObject;

/**
 * Bedrock's {@code ConverseStream}: {@code messageStop} is the end, {@code metadata} may follow.
 */
final class ConverseReading extends Reading {
    private boolean started;
    private boolean stopped;
    private int open;

    @Override
    protected boolean mayComeLast(Frame frame) {
        return error() == null && frame.name().equals("metadata");
    }

    @Override
    protected void event(Frame frame) {
        JsonObject event = json(frame);
        if (frame.exception()) {
            AmazonExceptions.check(frame.name(), this::require);
            fails(event.get("message"));
            return;
        }
        switch (frame.name()) {
            case "messageStart":
                require(!started, "a second messageStart");
                started = true;
                break;
            case "contentBlockStart":
            case "contentBlockDelta":
            case "contentBlockStop":
                require(started, frame.name() + " before messageStart");
                require(!stopped, "more after messageStop: " + frame);
                block(frame.name(), event);
                break;
            case "messageStop":
                require(!stopped, "a second messageStop");
                require(has(event, "stopReason"), "a messageStop without a reason");
                stopped = true;
                ends();
                break;
            case "metadata":
                require(stopped, "metadata before messageStop");
                JsonObject usage = event.getAsJsonObject("usage");
                reports(
                        new Usage(
                                usage.get("inputTokens").getAsLong(),
                                usage.get("outputTokens").getAsLong(),
                                0,
                                usage.get("totalTokens").getAsLong()));
                break;
            default:
                // Clients pass over events of a type they don't know.
        }
    }

    private void block(String name, JsonObject event) {
        require(event.get("contentBlockIndex").getAsInt() == open, "block " + open + ": " + event);
        if (name.equals("contentBlockStop")) {
            open++;
        } else if (has(event, "delta")) {
            JsonObject delta = event.getAsJsonObject("delta");
            says(text(delta, "text"));
            if (has(delta, "reasoningContent")) {
                thinks(text(delta.getAsJsonObject("reasoningContent"), "text"));
            }
            if (has(delta, "toolUse")) {
                calls(text(delta.getAsJsonObject("toolUse"), "input"));
            }
        }
    }
}
