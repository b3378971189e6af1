package org.modelfailover.gateway.scenarios;

import org.modelfailover.kit.stream.Reading;

import java.net.http.HttpHeaders;

/**
 * What a caller got.
 *
 * @param broken why there is no whole answer; null when there is one
 * @param reading the body read as a stream; null when the caller did not ask for one
 */
record Answer(
        int status, HttpHeaders headers, String body, long millis, String broken, Reading reading) {
    private static final int SHOWN = 1500;

    String header(String name) {
        return String.join(", ", headers.allValues(name));
    }

    boolean isBroken() {
        return broken != null;
    }

    @Override
    public String toString() {
        String shown = body.length() > SHOWN ? body.substring(0, SHOWN) + "…" : body;
        String got = status + " after " + millis + " ms " + headers.map() + " " + shown;
        return (isBroken() ? "no whole answer: " + broken + ", but " : "")
                + got.replaceAll("[\\p{Cntrl}&&[^\\r\\n\\t]]", "·");
    }
}
