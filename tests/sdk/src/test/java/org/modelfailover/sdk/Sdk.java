package org.modelfailover.sdk;

import java.util.OptionalInt;
import java.util.function.Consumer;

/** One kind of call of one provider's client library, made to the gateway without retries. */
interface Sdk {
    /** A call that takes longer than this hangs. */
    int HANG_SECONDS = 40;

    /** A client's token for the gateway, in the header {@code ApiKey}. */
    String TOKEN = "production-token-of-the-caller";

    /** The text of an answer in one piece, or the arguments of the tool call that it is. */
    String ask(String model, String question) throws Exception;

    /**
     * A streamed answer, to its end.
     *
     * @param pieces gets the text or the tool call's arguments, piece by piece
     * @throws Exception the SDK's, when the stream fails
     * @throws AssertionError if it ended without an exception and yet is no proper answer
     */
    void stream(String model, String question, Consumer<String> pieces) throws Exception;

    /** Whether there is such a thing with this kind of call. */
    default boolean knows(Fault fault) {
        return fault != Fault.WRONG_CHECKSUM;
    }

    /** The status of an HTTP error, if this is the SDK's exception for one. */
    OptionalInt status(Throwable thrown);

    /** Whether this is the SDK's exception for a stream that fails after it began. */
    boolean isBrokenStream(Throwable thrown);
}
