package org.modelfailover.executor;

import java.nio.ByteBuffer;

/**
 * The client's side of one call, called from the executor's threads.
 *
 * <p>Exactly one of {@link #answer}, {@link #fail} and {@link #begin} is called; after {@code
 * begin} any number of {@link #data}, then {@link #end} or {@link #abort}. No method may wait.
 * Buffers are lent: they belong to native memory that is gone when the method returns.
 *
 * <p>Headers are one block of {@code name:value\n} lines in ISO-8859-1. Metadata is what an answer
 * says of itself, names and values in turn, by the names that the host's throttling and analytics
 * look for; null when nothing is known.
 */
public interface Exchange {
    /**
     * Asks for URL and credentials of a candidate; the answer is {@link Call#resolved} or {@link
     * Call#unusable}. For the first candidate on the thread that starts the call.
     *
     * @param candidate its index in the section
     * @param path the path, query included, from which its security mediators start
     * @param withheld the names of those of the client's headers that they are not to find
     */
    void resolve(int candidate, String path, String[] withheld);

    /**
     * A whole answer.
     *
     * @param candidate whose it is
     * @param status the HTTP status
     * @param headers the headers
     * @param metadata what it has used
     * @param body the body, or null when there is none
     */
    void answer(int candidate, int status, byte[] headers, String[] metadata, ByteBuffer body);

    /**
     * There is no provider's answer to give.
     *
     * @param candidate who was called last, or -1
     * @param status the HTTP status for the client
     * @param code the host's error code
     * @param message a sentence for the client
     * @param retryAfter seconds for Retry-After, or -1
     */
    void fail(int candidate, int status, int code, String message, long retryAfter);

    /**
     * A streamed answer begins, or a large one that is whole.
     *
     * @param candidate whose it is
     * @param status the HTTP status
     * @param headers the headers
     * @param metadata what it has used, if it is whole
     * @param whole whether it is
     */
    void begin(int candidate, int status, byte[] headers, String[] metadata, boolean whole);

    /**
     * Offers the next bytes of a streamed answer.
     *
     * @param chunk the bytes
     * @return how many were taken; {@link Call#writable} says when more can be
     */
    int data(ByteBuffer chunk);

    /**
     * What a streamed answer has used: once, before {@link #end} or {@link #abort}, and also when
     * the call was cancelled.
     *
     * @param metadata what it has used
     */
    void used(String[] metadata);

    /** The streamed answer is complete. */
    void end();

    /** The streamed answer can't be completed; the client must not take it for a whole one. */
    void abort();

    /**
     * A line for the gateway's log: what was done for the request.
     *
     * @param notable whether an operator should see it without asking for details
     * @param line the line
     */
    void report(boolean notable, String line);

    /**
     * A method of this object failed: the call has to end. Nobody else is told; what the client is
     * told comes by {@link #fail} next.
     *
     * @param what what failed, or null
     * @param thrown what the method threw, or null
     */
    void failed(String what, Throwable thrown);
}
