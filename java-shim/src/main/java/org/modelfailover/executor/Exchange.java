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
     * @param reasons what the attempts came to, for {@code x-failover-reason}; empty: no header
     */
    void fail(int candidate, int status, int code, String message, long retryAfter, String reasons);

    /**
     * A streamed answer begins, or a large one that is whole.
     *
     * @param candidate whose it is
     * @param status the HTTP status
     * @param headers the headers
     * @param metadata what it has used, if it is whole
     * @param length of its body in bytes, if it is; otherwise -1
     */
    void begin(int candidate, int status, byte[] headers, String[] metadata, long length);

    /**
     * Offers the next bytes of a streamed answer.
     *
     * @param chunk the bytes
     * @return how many were taken; {@link Call#writable} says when more can be
     */
    int data(ByteBuffer chunk);

    /**
     * What an attempt came to, as soon as that is known, where {@link Call#start} was told that
     * somebody looks on. One whose candidate is suspended only when another has served is told once
     * more.
     *
     * @param number its place, from 1
     * @param flowing whether it is a stream that has begun; what it comes to is told once more
     * @param outcome the word for it
     * @param numbers the provider's status; milliseconds: all, to the answer's head, to a stream's
     *     first useful chunk, of the suspension that follows; bytes of text that were delivered of
     *     a stream that broke; tokens of prompt and answer of a stream; -1: there is none
     */
    void attempted(int number, boolean flowing, String outcome, long[] numbers);

    /**
     * What a streamed answer has used: once, before {@link #end} or {@link #abort}, and also when
     * the call was cancelled.
     *
     * @param candidate who served it to its end
     * @param metadata what it has used
     */
    void used(int candidate, String[] metadata);

    /** The streamed answer is complete. */
    void end();

    /** The streamed answer can't be completed; the client must not take it for a whole one. */
    void abort();

    /**
     * @return what the host knows the request by, for {@link #report}: names and values in turn
     */
    String[] facts();

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
