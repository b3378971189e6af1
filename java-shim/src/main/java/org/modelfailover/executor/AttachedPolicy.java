package org.modelfailover.executor;

/** A policy for the API whose requests it sees. */
public final class AttachedPolicy extends NativeObject implements AutoCloseable {
    AttachedPolicy(long handle) {
        super(handle);
    }

    /**
     * @return what there is to say about the provider that it was attached with, as with {@link
     *     Executor#configure}
     */
    public native String[] diagnostics();

    /**
     * Counts bytes of a body that is buffered, against the API's limit ({@code max_memory}).
     * Whoever reserves also calls {@link Executor#release}, or hands that over to {@link #prepare}.
     *
     * @param own how many of the same body are counted already
     * @param bytes how many more
     * @return whether they were counted; false: there is no room for them
     */
    public native boolean reserve(long own, long bytes);

    /**
     * Decides about a request.
     *
     * @param production whether the key type is {@code PRODUCTION}
     * @param method the HTTP method
     * @param path the path behind the API's context, query included
     * @param contentType the body's declared type, or null
     * @param contentEncoding the codings that the body still has, or null
     * @param control what the client says of failing over, in {@code x-failover}; or null
     * @param headers the headers as the flow has left them: a block of {@code name:value\n} lines
     *     in ISO-8859-1, one for each name, then the further values
     * @param received the same of the request as it came in, where its {@code Connection} may name
     *     headers; otherwise null
     * @param body the body
     * @param reserved bytes that were counted for it by {@link #reserve}; a call that is returned
     *     owns them, otherwise they stay the caller's to release
     * @return the call, or null when the request is not this policy's
     * @throws RefusedException when the request can't be handled and must not go on
     */
    public Call prepare(
            boolean production,
            String method,
            String path,
            String contentType,
            String contentEncoding,
            String control,
            byte[] headers,
            byte[] received,
            byte[] body,
            long reserved) {
        long call =
                prepared(
                        production,
                        method,
                        path,
                        contentType,
                        contentEncoding,
                        control,
                        headers,
                        received,
                        body,
                        reserved);
        return call == 0 ? null : new Call(call);
    }

    private native long prepared(
            boolean production,
            String method,
            String path,
            String contentType,
            String contentEncoding,
            String control,
            byte[] headers,
            byte[] received,
            byte[] body,
            long reserved);

    /** Closes it. Calls under way go on. */
    @Override
    public native void close();
}
