package org.modelfailover.kit.stream;

/**
 * One event of a stream.
 *
 * @param name the {@code event:} of SSE, the type of an AWS message; empty where there is none
 * @param exception whether it is an exception of AWS
 */
record Frame(String name, String data, boolean exception) {
    Frame(String name, String data) {
        this(name, data, false);
    }
}
