package org.modelfailover.gateway.scenarios;

import java.net.http.HttpHeaders;

/** What a caller got; {@code broken} says why there is none. */
record Answer(int status, HttpHeaders headers, String body, long millis, String broken) {
    private static final int SHOWN = 600;

    String header(String name) {
        return String.join(", ", headers.allValues(name));
    }

    boolean isBroken() {
        return broken != null;
    }

    @Override
    public String toString() {
        if (isBroken()) {
            return "no answer after " + millis + " ms: " + broken;
        }
        String shown = body.length() > SHOWN ? body.substring(0, SHOWN) + "…" : body;
        return status + " after " + millis + " ms " + headers.map() + " " + shown;
    }
}
