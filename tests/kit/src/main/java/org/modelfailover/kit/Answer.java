package org.modelfailover.kit;

import org.modelfailover.kit.stream.Format;
import org.modelfailover.kit.stream.Piece;
import org.modelfailover.kit.stream.Reading;

import java.net.http.HttpHeaders;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What a client got, as far as it came.
 *
 * @param status 0 when not even a head came
 * @param body as text; unpacked when it was gzip
 * @param millis from the request to the end
 * @param broken why there is no whole answer; null when there is one
 * @param pieces the body's bytes with the times at which they came
 */
public record Answer(
        int status,
        HttpHeaders headers,
        String body,
        long millis,
        String broken,
        List<Piece> pieces) {
    private static final int SHOWN = 1500;

    static final HttpHeaders NO_HEADERS = HttpHeaders.of(Map.of(), (name, value) -> true);

    /**
     * One event of a streamed answer.
     *
     * @param millis from the request to its last byte
     * @param data what follows {@code data:}
     */
    public record Event(long millis, String data) {}

    /** None, for whatever reason. */
    public static Answer none(String why) {
        return new Answer(0, NO_HEADERS, "", 0, why, List.of());
    }

    public boolean isBroken() {
        return broken != null;
    }

    /** The first value of a header; empty when there is none. */
    public String header(String name) {
        return headers.firstValue(name).orElse("");
    }

    /** The body read as a stream; null when it is no success or no format is named. */
    public Reading reading(Format format) {
        return format == null || status != 200 ? null : format.read(pieces, isBroken());
    }

    /** The {@code data:} lines of an event stream. */
    public List<Event> events() {
        List<Event> events = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        for (Piece piece : pieces) {
            for (byte b : piece.bytes()) {
                if (b != '\n') {
                    line.append((char) (b & 0xff));
                } else {
                    event(line, piece.millis(), events);
                }
            }
        }
        if (!pieces.isEmpty()) {
            event(line, millis, events);
        }
        return events;
    }

    private static void event(StringBuilder line, long millis, List<Event> events) {
        String text =
                new String(
                        line.toString().getBytes(StandardCharsets.ISO_8859_1),
                        StandardCharsets.UTF_8);
        line.setLength(0);
        if (text.startsWith("data:")) {
            events.add(new Event(millis, text.substring(5).trim()));
        }
    }

    @Override
    public String toString() {
        String shown = body.length() > SHOWN ? body.substring(0, SHOWN) + "…" : body;
        String got = status + " after " + millis + " ms " + headers.map() + " " + shown;
        return (isBroken() ? "no whole answer: " + broken + ", but " : "")
                + got.replaceAll("[\\p{Cntrl}&&[^\\r\\n\\t]]", "·");
    }
}
