package org.modelfailover.kit.stream;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;

import java.io.IOException;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * What a caller finds in one stream. It is read strictly: whatever a client library may stumble
 * over, and whatever shows a seam between two providers, is a fault.
 */
public abstract class Reading {
    private final List<String> faults = new ArrayList<>();
    private final Set<String> ids = new LinkedHashSet<>();
    private final StringBuilder text = new StringBuilder();
    private final StringBuilder reasoning = new StringBuilder();
    private final StringBuilder arguments = new StringBuilder();
    private String error;
    private boolean over;
    private Usage usage;
    private List<String> comments = List.of();
    private Long usefulAfter;

    /** Reads a body; {@code broken}: its connection did not end as it should. */
    final void read(Framing framing, List<Piece> pieces, boolean broken) {
        for (Piece piece : pieces) {
            for (Frame frame : framing.push(piece.bytes(), faults)) {
                take(frame);
                if (usefulAfter == null && isUseful()) {
                    usefulAfter = piece.millis();
                }
            }
        }
        framing.end(faults);
        comments = framing.comments();
        require(!broken, "the connection broke");
        require(over || error != null, "neither the format's end nor its error");
        require(ids.size() <= 1, "several ids: " + ids);
        require(usage == null || usage.addsUp(), "a usage that does not add up: " + usage);
    }

    private void take(Frame frame) {
        if ((error != null || over) && !mayComeLast(frame)) {
            fault("something after the end: " + frame);
        }
        try {
            event(frame);
        } catch (RuntimeException e) {
            // Gson's own complaints about what is missing or of another kind.
            fault("an event that is not the format's (" + e.getMessage() + "): " + frame);
        }
    }

    /** Reads one event; throws what Gson throws when it is not the format's. */
    protected abstract void event(Frame frame);

    /** Whether the format lets this come after its end or its error. */
    protected boolean mayComeLast(Frame frame) {
        return false;
    }

    private boolean isUseful() {
        return text.length() > 0 || reasoning.length() > 0 || arguments.length() > 0;
    }

    /** Everything that is wrong; empty for a good stream, and for one that ends in an error. */
    public List<String> faults() {
        return faults;
    }

    /** The text of the (first) answer. */
    public String text() {
        return text.toString();
    }

    public String reasoning() {
        return reasoning.toString();
    }

    /** The arguments of the tool call. */
    public String arguments() {
        return arguments.toString();
    }

    /** The message of the format's error; null if there was none. */
    public String error() {
        return error;
    }

    /** Whether the format's success marker came, and nothing was wrong. */
    public boolean isWhole() {
        return over && error == null && faults.isEmpty();
    }

    /** Null if the stream told none. */
    public Usage usage() {
        return usage;
    }

    public List<String> comments() {
        return comments;
    }

    /** Milliseconds from the request to the first useful event; null if none came. */
    public Long usefulAfter() {
        return usefulAfter;
    }

    protected final void fault(String fault) {
        faults.add(fault);
    }

    protected final void require(boolean condition, String fault) {
        if (!condition) {
            faults.add(fault);
        }
    }

    protected final void id(JsonElement id) {
        ids.add(id.getAsString());
    }

    protected final void says(String more) {
        text.append(more);
    }

    protected final void thinks(String more) {
        reasoning.append(more);
    }

    protected final void calls(String more) {
        arguments.append(more);
    }

    /** The format's error. */
    protected final void fails(JsonElement message) {
        error = message.getAsString();
        require(!error.isBlank(), "an error that says nothing");
    }

    /** The format's success marker. */
    protected final void ends() {
        over = true;
    }

    protected final void reports(Usage reported) {
        usage = reported;
    }

    protected static JsonObject json(Frame frame) {
        try {
            JsonReader reader = new JsonReader(new StringReader(frame.data()));
            reader.setStrictness(Strictness.STRICT);
            JsonObject object = JsonParser.parseReader(reader).getAsJsonObject();
            if (reader.peek() != JsonToken.END_DOCUMENT) {
                throw new JsonParseException("more than one JSON value");
            }
            return object;
        } catch (IOException e) {
            throw new JsonParseException(e);
        }
    }

    /** Whether the member is there and not null. */
    protected static boolean has(JsonObject object, String key) {
        return object.has(key) && !object.get(key).isJsonNull();
    }

    protected static String text(JsonObject object, String key) {
        return has(object, key) ? object.get(key).getAsString() : "";
    }

    protected static long number(JsonObject object, String key) {
        return has(object, key) ? object.get(key).getAsLong() : 0;
    }

    protected static List<JsonObject> objects(JsonObject object, String key) {
        JsonArray items = has(object, key) ? object.getAsJsonArray(key) : new JsonArray();
        return items.asList().stream().map(JsonElement::getAsJsonObject).toList();
    }
}
