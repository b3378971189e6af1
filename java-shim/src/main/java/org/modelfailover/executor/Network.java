package org.modelfailover.executor;

/**
 * The network that the gateway is configured for, in the terms of its transport senders. Nothing
 * changes until {@link #use}, which closes it.
 */
public final class Network extends NativeObject {
    /**
     * Begins to describe it.
     *
     * @param hostnameVerifier {@code HostnameVerifier}, or null
     * @param protocols {@code HttpsProtocols}; none: all that are known
     * @param cipherSuites {@code PreferredCiphers}; none: all that are known
     */
    public Network(String hostnameVerifier, String[] protocols, String[] cipherSuites) {
        super(open(hostnameVerifier, protocols, cipherSuites));
    }

    private static native long open(
            String hostnameVerifier, String[] protocols, String[] cipherSuites);

    /**
     * Adds what counts for some servers.
     *
     * @param source the truststore, for messages
     * @param servers {@code host:port} each, or {@code *}; none: all servers that no profile names
     * @param authorities certificates that may sign others, DER; null: those that the machine
     *     trusts
     * @param own certificates that are trusted for themselves only, DER
     */
    public native void addProfile(
            String source, String[] servers, byte[][] authorities, byte[][] own);

    /**
     * Adds a key with which to appear before the servers of the profile that was added last.
     *
     * @param source keystore and alias, for messages
     * @param chain its certificates, DER, its own first
     * @param key PKCS #8, DER
     */
    public native void addIdentity(String source, byte[][] chain, byte[] key);

    /**
     * Adds an HTTP proxy.
     *
     * @param secure whether it is for {@code https} endpoints, or for {@code http} ones
     * @param hosts regular expressions for the endpoints' hosts; {@code *}: all others
     * @param bypass regular expressions for those that are called directly
     * @param host its host
     * @param port its port; 0: not known, so that the endpoints can't be reached
     * @param user who to be towards it, or null
     * @param password its password, or null
     */
    public native void addProxy(
            boolean secure,
            String[] hosts,
            String[] bypass,
            String host,
            int port,
            String user,
            String password);

    /**
     * Calls providers over this network from the next request on; calls under way go on. With an
     * error in it the one before stays in place.
     *
     * @return what there is to say about it, as with {@link Executor#configure}
     */
    public native String[] use();
}
