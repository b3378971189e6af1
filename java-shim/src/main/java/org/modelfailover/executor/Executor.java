package org.modelfailover.executor;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The native failover executor of this gateway: one for all its APIs. */
public final class Executor {
    static {
        NativeObject.load();
    }

    private Executor() {}

    /**
     * Sets the gateway-wide settings for the policies that are read from now on.
     *
     * @param deploymentToml the text of the gateway's {@code deployment.toml}, or null
     * @param systemProperties names and values in turn, for {@code $sys{…}}
     * @return what there is to say about it: lines that begin with {@code ERROR} or {@code WARN}
     */
    public static native String[] configure(String deploymentToml, String[] systemProperties);

    /**
     * @return how many settings the text that {@link #configure} was given last moves away from
     *     their defaults
     */
    public static native int changedSettings();

    /**
     * The system properties that {@link #configure} needs to read a text: in others are passwords.
     *
     * @param deploymentToml the text of the gateway's {@code deployment.toml}, or null
     * @return names and values in turn of those that are set
     */
    public static String[] systemPropertiesFor(String deploymentToml) {
        List<String> properties = new ArrayList<>();
        if (deploymentToml != null) {
            for (String name : systemProperties(deploymentToml)) {
                String value = name.isEmpty() ? null : System.getProperty(name);
                if (value != null) {
                    properties.add(name);
                    properties.add(value);
                }
            }
        }
        return properties.toArray(new String[0]);
    }

    /** The names that stand in it. */
    private static native String[] systemProperties(String deploymentToml);

    /**
     * Sets the most bytes of bodies that policies without {@code max_memory} buffer at one time,
     * those that are attached from now on.
     *
     * @param bytes the sum over all APIs
     */
    public static native void limitMemory(long bytes);

    /**
     * Takes bytes from the count of those that are buffered.
     *
     * @param bytes how many, of those that {@link AttachedPolicy#reserve} counted
     */
    public static native void release(long bytes);

    /**
     * @return how many bytes of bodies are buffered at present, over all APIs
     */
    public static native long bufferedBytes();

    /**
     * Says what a client is told for whose body there is no room: always throws.
     *
     * @throws RefusedException which says it
     */
    public static native void noRoom();

    /**
     * @param contentType a body's declared type, or null
     * @return whether it can name a model; others need not be read
     */
    public static native boolean canNameModel(String contentType);

    /**
     * @param url an endpoint's
     * @return the part of it that may be told: no user, no query
     */
    public static native String address(String url);

    /**
     * @return how many calls are under way
     */
    public static native int openCalls();

    /**
     * @return how many policies are open, attached ones too
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
     * threads; the next {@link Policy#attach} or {@link Call#start} starts new ones.
     */
    public static native void shutDown();

    /**
     * Says who writes down what operators do through the listener for metrics.
     *
     * @param journal told from any thread; null: nobody
     */
    public static native void tell(Journal journal);

    /**
     * @return where the listener for metrics is, as an address and a port; empty when there is none
     */
    public static native String metricsAddress();

    /**
     * @return whether suspensions are shared with other gateways now: {@code off}, {@code shared
     *     as} this gateway's name, or {@code alone:} and why
     */
    public static native String cluster();

    /**
     * @return what is counted over all APIs, by name: requests by what they came to, retries,
     *     continuations, and how the native side is; {@code maxMemory} is -1 when there is no limit
     */
    public static Map<String, Long> numbers() {
        String[] flat = gateway();
        Map<String, Long> numbers = new LinkedHashMap<>();
        for (int at = 0; at + 1 < flat.length; at += 2) {
            numbers.put(flat[at], Long.valueOf(flat[at + 1]));
        }
        return numbers;
    }

    /** Names and numbers in turn. */
    private static native String[] gateway();
}
