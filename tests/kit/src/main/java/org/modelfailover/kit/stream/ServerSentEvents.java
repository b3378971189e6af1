package org.modelfailover.kit.stream;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Server-sent events, as the HTML standard describes them. */
final class ServerSentEvents implements Framing {
    private static final String BYTE_ORDER_MARK = "\uFEFF";

    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private final List<String> data = new ArrayList<>();
    private final List<String> comments = new ArrayList<>();
    private String name = "";
    private boolean begun;
    private boolean inEvent;

    @Override
    public List<Frame> push(byte[] bytes, List<String> faults) {
        List<Frame> frames = new ArrayList<>();
        for (byte b : bytes) {
            if (b != '\n') {
                line.write(b);
                continue;
            }
            String text = text(line.toByteArray(), faults);
            line.reset();
            text = text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
            text = begun || !text.startsWith(BYTE_ORDER_MARK) ? text : text.substring(1);
            begun = true;
            if (text.isEmpty()) {
                dispatch(frames, faults);
            } else {
                field(text, faults);
            }
        }
        return frames;
    }

    private void dispatch(List<Frame> frames, List<String> faults) {
        if (!data.isEmpty()) {
            frames.add(new Frame(name, String.join("\n", data)));
        } else if (inEvent) {
            faults.add("an event '" + name + "' without data");
        }
        data.clear();
        name = "";
        inEvent = false;
    }

    private void field(String text, List<String> faults) {
        int colon = text.indexOf(':');
        String field = colon < 0 ? text : text.substring(0, colon);
        String value = colon < 0 ? "" : text.substring(colon + 1);
        value = value.startsWith(" ") ? value.substring(1) : value;
        inEvent |= !field.isEmpty();
        switch (field) {
            case "":
                comments.add(value);
                break;
            case "data":
                data.add(value);
                break;
            case "event":
                name = value;
                break;
            case "id":
            case "retry":
                break;
            default:
                faults.add("a line that is no field: " + text);
        }
    }

    private static String text(byte[] bytes, List<String> faults) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            faults.add("a line that is no UTF-8");
            return new String(bytes, StandardCharsets.UTF_8);
        }
    }

    @Override
    public void end(List<String> faults) {
        if (inEvent || line.size() > 0) {
            faults.add("the body ends in the middle of an event: " + name + data + line);
        }
    }

    @Override
    public List<String> comments() {
        return comments;
    }
}
