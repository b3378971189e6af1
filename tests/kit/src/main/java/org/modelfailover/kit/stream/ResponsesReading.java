package org.modelfailover.kit.stream;

import com.google.gson.JsonObject;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** OpenAI Responses. */
final class ResponsesReading extends Reading {
    private static final Set<String> ENDS = Set.of("response.completed", "response.incomplete");

    private long sequence = -1;
    private final Map<Integer, String> items = new HashMap<>();

    /** What was said in each item so far, of whatever kind. */
    private final Map<Integer, StringBuilder> said = new HashMap<>();

    private final StringBuilder done = new StringBuilder();

    @Override
    protected boolean mayComeLast(Frame frame) {
        return error() != null && frame.name().equals("response.failed");
    }

    @Override
    protected void event(Frame frame) {
        JsonObject event = json(frame);
        String type = text(event, "type");
        require(type.equals(frame.name()), "a name that is not the type: " + frame);
        long number = event.get("sequence_number").getAsLong();
        require(number == sequence + 1, "number " + number + " after " + sequence + ": " + frame);
        sequence = number;
        if (has(event, "response")) {
            response(type, event.getAsJsonObject("response"));
        } else if (type.equals("error")) {
            fails(event.get("message"));
        } else {
            item(type, event);
        }
    }

    private void response(String type, JsonObject response) {
        id(response.get("id"));
        require(
                (sequence == 0) == type.equals("response.created"),
                "response.created is the first event and comes once");
        if (type.equals("response.failed")) {
            fails(response.getAsJsonObject("error").get("message"));
        } else if (ENDS.contains(type)) {
            ends();
            StringBuilder whole = new StringBuilder();
            for (JsonObject item : objects(response, "output")) {
                objects(item, "content").forEach(part -> whole.append(text(part, "text")));
            }
            require(
                    whole.toString().equals(text()),
                    "the response has '" + whole + "', the deltas said '" + text() + "'");
            if (has(response, "usage")) {
                JsonObject usage = response.getAsJsonObject("usage");
                reports(
                        new Usage(
                                usage.get("input_tokens").getAsLong(),
                                usage.get("output_tokens").getAsLong(),
                                0,
                                usage.get("total_tokens").getAsLong()));
            }
        }
    }

    private void item(String type, JsonObject event) {
        int index = event.get("output_index").getAsInt();
        String id = has(event, "item") ? text(event.getAsJsonObject("item"), "id") : "";
        id += text(event, "item_id");
        if (type.equals("response.output_item.added")) {
            require(index == items.size(), "item " + index + " after " + items.size());
            require(items.put(index, id) == null, "item " + index + " is added twice");
            said.put(index, new StringBuilder());
        }
        require(
                id.equals(items.get(index)),
                "item " + index + " is " + items.get(index) + ": " + event);
        String delta = text(event, "delta");
        said.get(index).append(delta);
        switch (type) {
            case "response.output_text.delta":
                says(delta);
                break;
            case "response.reasoning_summary_text.delta":
                thinks(delta);
                break;
            case "response.function_call_arguments.delta":
                calls(delta);
                break;
            default:
        }
        if (type.endsWith(".done")) {
            finished(index, type, event);
        }
    }

    private void finished(int index, String type, JsonObject event) {
        JsonObject of = event;
        if (has(event, "part")) {
            of = event.getAsJsonObject("part");
        } else if (has(event, "item")) {
            require(done.indexOf("[" + index + "]") < 0, "item " + index + " is done twice");
            done.append('[').append(index).append(']');
            JsonObject item = event.getAsJsonObject("item");
            of = item;
            for (String parts : new String[] {"content", "summary"}) {
                of = objects(item, parts).stream().findFirst().orElse(of);
            }
        }
        String whole = text(of, "text") + text(of, "arguments");
        require(
                whole.contentEquals(said.get(index)),
                type + " has '" + whole + "', the deltas said '" + said.get(index) + "'");
    }
}
