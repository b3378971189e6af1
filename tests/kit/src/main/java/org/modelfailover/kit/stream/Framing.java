package org.modelfailover.kit.stream;

import java.util.List;

/** Cuts a body into events, whatever the pieces it comes in. */
interface Framing {
    /** The events that are complete with these bytes; what is wrong goes to the faults. */
    List<Frame> push(byte[] bytes, List<String> faults);

    /** To be called at the end of the body. */
    void end(List<String> faults);

    /** Comments, where the framing has them. */
    default List<String> comments() {
        return List.of();
    }
}
