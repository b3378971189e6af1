package org.modelfailover.sdk;

import java.util.Set;

/** What a call ends in, as its caller sees it. */
sealed interface End {
    /** The whole answer, not a word more or less. */
    record Whole() implements End {}

    /** The SDK's exception for an HTTP error with one of these status codes. */
    record Status(Set<Integer> codes) implements End {}

    /** A part of the answer, and then the SDK's exception for a stream that failed. */
    record Broken() implements End {}

    End WHOLE = new Whole();
    End BROKEN = new Broken();

    static End status(Integer... codes) {
        return new Status(Set.of(codes));
    }
}
