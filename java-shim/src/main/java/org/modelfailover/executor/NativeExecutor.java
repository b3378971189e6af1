package org.modelfailover.executor;

/**
 * The native failover executor. The methods are thin: handles are numbers that the native side
 * gives and knows; one that is closed, or was never given, throws {@link IllegalStateException}.
 *
 * <p>A handle of a policy lives until {@link #close}; that of a call until its last byte was handed
 * over or {@link #cancel}. There are no finalizers: a collector decides when they run, and a call
 * that nobody needs must end at once.
 *
 * <p>A panic in the native code is thrown as {@link NativePanicException}.
 */
public final class NativeExecutor {
    static {
        NativeLibrary.load();
    }

    private NativeExecutor() {}

    /**
     * Sets the gateway-wide settings for the policies that are opened from now on.
     *
     * @param deploymentToml the text of the gateway's {@code deployment.toml}, or null
     * @param systemProperties names and values in turn, for {@code $sys{…}}
     * @return what there is to say about it: lines that begin with {@code ERROR} or {@code WARN}
     */
    public static native String[] configure(String deploymentToml, String[] systemProperties);

    /**
     * @param deploymentToml the text of the gateway's {@code deployment.toml}
     * @return the names of the system properties that {@link #configure} needs to read it
     */
    public static native String[] systemProperties(String deploymentToml);

    /**
     * Sets the most bytes of bodies that policies without {@code max_memory} hold at one time,
     * those that are bound from now on.
     *
     * @param bytes the sum over all APIs
     */
    public static native void limitMemory(long bytes);

    /**
     * Begins to describe the network that the gateway is configured for, in the terms of its
     * transport senders. Nothing changes until {@link #useNetwork}.
     *
     * @param hostnameVerifier {@code HostnameVerifier}, or null
     * @param protocols {@code HttpsProtocols}; none: all that are known
     * @param cipherSuites {@code PreferredCiphers}; none: all that are known
     * @return a handle of the network
     */
    public static native long openNetwork(
            String hostnameVerifier, String[] protocols, String[] cipherSuites);

    /**
     * Adds what counts for some servers.
     *
     * @param network a handle from {@link #openNetwork}
     * @param source the truststore, for messages
     * @param servers {@code host:port} each, or {@code *}; none: all servers that no profile names
     * @param authorities certificates that may sign others, DER; null: those that the machine
     *     trusts
     * @param own certificates that are trusted for themselves only, DER
     */
    public static native void addProfile(
            long network, String source, String[] servers, byte[][] authorities, byte[][] own);

    /**
     * Adds a key with which to appear before the servers of the profile that was added last.
     *
     * @param network a handle from {@link #openNetwork}
     * @param source keystore and alias, for messages
     * @param chain its certificates, DER, its own first
     * @param key PKCS #8, DER
     */
    public static native void addIdentity(long network, String source, byte[][] chain, byte[] key);

    /**
     * Adds an HTTP proxy.
     *
     * @param network a handle from {@link #openNetwork}
     * @param secure whether it is for {@code https} endpoints, or for {@code http} ones
     * @param hosts regular expressions for the endpoints' hosts; {@code *}: all others
     * @param bypass regular expressions for those that are called directly
     * @param host its host
     * @param port its port; 0: not known, so that the endpoints can't be reached
     * @param user who to be towards it, or null
     * @param password its password, or null
     */
    public static native void addProxy(
            long network,
            boolean secure,
            String[] hosts,
            String[] bypass,
            String host,
            int port,
            String user,
            String password);

    /**
     * Calls providers over this network from the next request on; calls under way go on. With an
     * error in it the one before stays in place. Closes the handle.
     *
     * @param network a handle from {@link #openNetwork}
     * @return what there is to say about it, as with {@link #configure}
     */
    public static native String[] useNetwork(long network);

    /**
     * Reads and checks a policy's configuration.
     *
     * @param failoverConfigs the attribute as the portal stored it
     * @param attributes names and values of the optional attributes in turn
     * @return a handle of the policy
     * @throws InvalidConfigurationException when it can't be used; the message names the field
     */
    public static native long open(String failoverConfigs, String[] attributes);

    /**
     * @param policy a handle from {@link #open} or {@link #bind}
     * @return what there is to say about a usable configuration, or about the provider that it was
     *     bound with, as with {@link #configure}
     */
    public static native String[] diagnostics(long policy);

    /**
     * @param policy a handle from {@link #open}
     * @return the largest request body that is handled, in bytes
     */
    public static native long maxRequestBody(long policy);

    /**
     * @param policy a handle from {@link #open}
     * @return the longest silence of a client that is still sending its request, in milliseconds
     */
    public static native long uploadTimeout(long policy);

    /**
     * @param policy a handle from {@link #open}
     * @return the longest time in milliseconds that a client may have to wait for the next byte:
     *     all attempts together, or a pause of a stream
     */
    public static native long longestWait(long policy);

    /**
     * Binds a policy to the API it is attached to.
     *
     * @param policy a handle from {@link #open}
     * @param tenant the tenant's domain
     * @param api the API's name
     * @param version the API's version
     * @param provider what the gateway knows of the API's AI service provider, or null: its name,
     *     its version and its connector's type, then name, input source and identifier of each
     *     metadata attribute in turn
     * @return a handle of the bound policy
     */
    public static native long bind(
            long policy, String tenant, String api, String version, String[] provider);

    /**
     * @param policy a handle from {@link #open} or {@link #bind}
     * @param production whether the section is {@code production}
     * @return the endpoint ids of the section's candidates, target first
     */
    public static native String[] endpointIds(long policy, boolean production);

    /**
     * Closes a handle from {@link #open} or {@link #bind}. Calls under way go on.
     *
     * @param handle the handle
     */
    public static native void close(long handle);

    /**
     * Counts bytes of a body that is held, against the limit of an API ({@code max_memory}).
     * Whoever reserves also calls {@link #release(long)}, or hands that over to {@link #prepare}.
     *
     * @param bound a handle from {@link #bind}
     * @param own how many of the same body are counted already
     * @param bytes how many more
     * @return whether they were counted; false: there is no room for them
     */
    public static native boolean reserve(long bound, long own, long bytes);

    /**
     * Takes bytes from the count that are held no longer.
     *
     * @param bytes how many, of those that {@link #reserve} counted
     */
    public static native void release(long bytes);

    /**
     * @return how many bytes of bodies are held at present, over all APIs
     */
    public static native long heldBytes();

    /**
     * @param contentType a body's declared type, or null
     * @return whether it can name a model; others need not be read
     */
    public static native boolean canNameModel(String contentType);

    /**
     * Decides about a request.
     *
     * @param bound a handle from {@link #bind}
     * @param production whether the key type is {@code PRODUCTION}
     * @param path the path behind the API's context, query included
     * @param contentType the body's declared type, or null
     * @param contentEncoding the codings that the body still has, or null
     * @param longestHeader bytes of the longest header that the client wants to be sent on
     * @param allHeaders bytes of all of them
     * @param body the body
     * @param reserved bytes that were counted for it by {@link #reserve}; a call that is returned
     *     owns them, otherwise they stay the caller's to release
     * @return a handle of the call, or 0 when the request is not this policy's
     * @throws RefusedException when the request can't be handled and must not go on
     */
    public static native long prepare(
            long bound,
            boolean production,
            String path,
            String contentType,
            String contentEncoding,
            int longestHeader,
            int allHeaders,
            byte[] body,
            long reserved);

    /**
     * @param call a handle from {@link #prepare}
     * @param path the path that was given there
     * @param candidate a candidate's index
     * @return the path with the candidate's model in it, where the path names the model
     */
    public static native String pathFor(long call, String path, int candidate);

    /**
     * @param call a handle from {@link #prepare}
     * @return the candidate that will be called first, or -1 when none may be
     */
    public static native int firstCandidate(long call);

    /**
     * @param call a handle from {@link #prepare}
     * @return what the candidate that is being resolved will be sent, for those credentials that
     *     are a signature over it
     */
    public static native byte[] body(long call);

    /**
     * Starts a prepared call. From here on {@code exchange} is called from other threads.
     *
     * @param call a handle from {@link #prepare}
     * @param exchange the client's side
     * @param verbose whether every request is reported, not only the notable ones
     * @param whole whether the client's side needs whole answers: streams are collected, and come
     *     as such at their end
     */
    public static native void start(long call, Exchange exchange, boolean verbose, boolean whole);

    /**
     * Says where a candidate is and what to send with the request. May be called before {@link
     * #start} for the first candidate.
     *
     * @param call the call
     * @param method the HTTP method
     * @param url the whole URL
     * @param headers the headers, credentials included
     * @param ownCredential whether the credentials are the endpoint's own
     */
    public static native void resolved(
            long call, String method, String url, byte[] headers, boolean ownCredential);

    /**
     * Says that a candidate can't be called.
     *
     * @param call the call
     * @param why the reason
     */
    public static native void unusable(long call, String why);

    /**
     * Says that the client takes more of a streamed answer.
     *
     * @param call the call
     */
    public static native void writable(long call);

    /**
     * Ends a call at once; its connection to the provider is closed. Does nothing when it has
     * ended.
     *
     * @param call the call
     */
    public static native void cancel(long call);

    /**
     * Lists the candidates; {@link Candidate#list} reads it.
     *
     * @return nine strings for each: tenant, API, version, endpoint id, model, state, milliseconds
     *     until the suspension ends, failed probes in a row, whether a failure has left a mark
     */
    static native String[] candidates();

    /** See {@link Candidate#clear}. */
    static native boolean clear(
            String tenant, String api, String version, String endpointId, String model);

    /** See {@link Candidate#hold}. */
    static native boolean hold(
            String tenant, String api, String version, String endpointId, String model);

    /** See {@link Candidate#release}. */
    static native boolean release(
            String tenant, String api, String version, String endpointId, String model);

    /**
     * @return how many calls are under way
     */
    public static native int openCalls();

    /**
     * @return how many handles from {@link #open} and {@link #bind} are open
     */
    public static native int openPolicies();

    /**
     * Says whether the executor's threads stay when no call is under way. They do until they are
     * told otherwise. Calls are served as before when they do not: the threads, and the connections
     * to providers with them, end when none has been under way for a second, and start with the
     * next.
     *
     * @param keep whether they stay
     */
    public static native void keepThreads(boolean keep);

    /**
     * Cancels all calls, with a 503 for those that have no answer yet, and ends the executor's
     * threads; the next {@link #bind} or {@link #start} starts new ones.
     */
    public static native void shutDown();
}
