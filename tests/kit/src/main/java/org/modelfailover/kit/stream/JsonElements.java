package org.modelfailover.kit.stream;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** A JSON array of objects, element by element. */
final class JsonElements implements Framing {
    private enum Place {
        BEFORE,
        FIRST_OR_END,
        ELEMENT,
        COMMA_OR_END,
        NEXT,
        AFTER
    }

    private final ByteArrayOutputStream element = new ByteArrayOutputStream();
    private Place place = Place.BEFORE;
    private int depth;
    private boolean inString;
    private boolean escaped;

    @Override
    public List<Frame> push(byte[] bytes, List<String> faults) {
        List<Frame> frames = new ArrayList<>();
        for (byte b : bytes) {
            if (place == Place.ELEMENT) {
                element.write(b);
                if (endsElement(b)) {
                    frames.add(new Frame("", element.toString(StandardCharsets.UTF_8)));
                    element.reset();
                    place = Place.COMMA_OR_END;
                }
            } else if (!Character.isWhitespace(b)) {
                between(b, faults);
            }
        }
        return frames;
    }

    private boolean endsElement(byte b) {
        if (inString) {
            inString = escaped || b != '"';
            escaped = !escaped && b == '\\';
        } else if (b == '"') {
            inString = true;
        } else if (b == '{' || b == '[') {
            depth++;
        } else if (b == '}' || b == ']') {
            depth--;
        }
        return depth == 0;
    }

    private void between(byte b, List<String> faults) {
        boolean mayBegin = place == Place.FIRST_OR_END || place == Place.NEXT;
        boolean mayEnd = place == Place.FIRST_OR_END || place == Place.COMMA_OR_END;
        if (place == Place.BEFORE && b == '[') {
            place = Place.FIRST_OR_END;
        } else if (mayBegin && b == '{') {
            place = Place.ELEMENT;
            depth = 1;
            element.write(b);
        } else if (mayEnd && b == ']') {
            place = Place.AFTER;
        } else if (place == Place.COMMA_OR_END && b == ',') {
            place = Place.NEXT;
        } else {
            faults.add("'" + (char) b + "' between the elements of the array");
        }
    }

    @Override
    public void end(List<String> faults) {
        if (place != Place.AFTER) {
            faults.add("the array is not closed");
        }
    }
}
