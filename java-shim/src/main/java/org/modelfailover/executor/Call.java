package org.modelfailover.executor;

/**
 * One request on the native side, from {@link AttachedPolicy#prepare} until its last byte was
 * handed over or {@link #cancel}.
 */
public final class Call extends NativeObject {
    Call(long handle) {
        super(handle);
    }

    /**
     * Starts it. {@link Exchange#resolve} is called for the first candidate before this returns,
     * and everything else of {@code exchange} from other threads from here on.
     *
     * @param exchange the client's side
     * @param verbose whether every request is reported, not only the notable ones
     * @param whole whether a streamed answer is needed as a whole
     * @param observed whether {@link Exchange#attempted} is to be called
     */
    public native void start(Exchange exchange, boolean verbose, boolean whole, boolean observed);

    /**
     * What OpenTelemetry's conventions call a candidate.
     *
     * @param candidate its index in the section
     * @return operation, provider, model, the endpoint's id, and whether a stream was asked for
     */
    public native String[] described(int candidate);

    /**
     * Has the candidate that is resolved next go on with a trace.
     *
     * @param headers by which it does: a block of lines, in the place of the client's of those
     *     names
     */
    public native void trace(byte[] headers);

    /**
     * Says where the candidate is that was asked for, and which credentials it has.
     *
     * @param url the endpoint's URL
     * @param path what its security mediators have made of the path that they were given; null when
     *     it has none, so that it gets what the client sent
     * @param headers what they have made of the headers: a block of lines, one for each name
     * @throws UnusableException when it can't be called; to be reported by {@link #unusable}
     */
    public native void resolved(String url, String path, byte[] headers) throws UnusableException;

    /**
     * Asks how the request is spelt that signers are to sign, when all other security mediators
     * have run.
     *
     * @param url the endpoint's URL
     * @param path what they have made of the path that they were given
     * @return the path, and path with query
     * @throws UnusableException when there is nothing that can be signed
     */
    public native String[] toSign(String url, String path) throws UnusableException;

    /**
     * @return what the candidate that was asked for will be sent, for those credentials that are a
     *     signature over it
     */
    public native byte[] body();

    /**
     * Says that the candidate that was asked for can't be called.
     *
     * @param why the reason
     */
    public native void unusable(String why);

    /** Says that the client takes more of a streamed answer. */
    public native void writable();

    /**
     * Ends it at once; its connection to the provider is closed. Does nothing when it has ended.
     */
    public native void cancel();
}
