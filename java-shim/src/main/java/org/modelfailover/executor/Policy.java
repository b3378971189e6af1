package org.modelfailover.executor;

import java.util.concurrent.TimeUnit;

/** A policy as it was configured, read and checked. */
public final class Policy extends NativeObject implements AutoCloseable {
    /** What of it Java has to know itself: also of one that is closed. */
    public final Limits limits;

    /** What a client may do and has to bear. */
    public static final class Limits {
        /** The largest request body that is handled, in bytes. */
        public final long requestBody;

        /** The longest silence of a client that is still sending its request, in nanoseconds. */
        public final long uploadTimeout;

        /**
         * The longest time in milliseconds that a client may have to wait for the next byte: all
         * attempts together, or a pause of a stream.
         */
        public final long longestWait;

        private Limits(long[] limits) {
            requestBody = limits[0];
            uploadTimeout = TimeUnit.MILLISECONDS.toNanos(limits[1]);
            longestWait = limits[2];
        }
    }

    /**
     * Reads and checks a policy's configuration.
     *
     * @param failoverConfigs the attribute as the portal stored it
     * @param settings what the API sets for itself, as the template carries it: {@code name=value}
     *     with {@code &} between them, values URL-encoded; an empty one is left out
     * @throws InvalidConfigurationException when it can't be used; the message names the field
     */
    public Policy(String failoverConfigs, String settings) {
        super(read(failoverConfigs, settings));
        limits = new Limits(limits());
    }

    private static native long read(String failoverConfigs, String settings);

    /** Bytes of a body, milliseconds of silence while it comes, milliseconds for an answer. */
    private native long[] limits();

    /**
     * @return what there is to say about a usable configuration, as with {@link Executor#configure}
     */
    public native String[] diagnostics();

    /**
     * @param production whether the section is {@code production}
     * @return the endpoint ids of the section's candidates, target first
     */
    public native String[] endpointIds(boolean production);

    /**
     * Attaches the policy to an API.
     *
     * @param tenant the tenant's domain
     * @param api the API's name
     * @param version the API's version
     * @param provider what the gateway knows of the API's AI service provider, or null: its name,
     *     its version and its connector's type, then name, input source and identifier of each
     *     metadata attribute in turn
     * @param credentialHeaders the headers that hold the API's credentials for the gateway, where
     *     they are others than usual
     * @return the attached policy, to be closed on its own
     */
    public AttachedPolicy attach(
            String tenant,
            String api,
            String version,
            String[] provider,
            String[] credentialHeaders) {
        return new AttachedPolicy(attached(tenant, api, version, provider, credentialHeaders));
    }

    private native long attached(
            String tenant,
            String api,
            String version,
            String[] provider,
            String[] credentialHeaders);

    /** Closes it. What is attached stays so. */
    @Override
    public native void close();
}
