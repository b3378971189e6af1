package org.modelfailover.synapse;

import org.apache.axis2.context.MessageContext;
import org.apache.commons.collections.map.MultiValueMap;
import org.apache.http.Header;
import org.apache.http.HttpRequest;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * Headers between Axis2's two maps (one value each, and the rest) and the block of lines that
 * crosses to the native side.
 */
final class Headers {
    /** Belong to one connection (RFC 9110 section 7.6.1), or are set by whoever frames the body. */
    private static final Set<String> NOT_FORWARDED =
            Set.of(
                    "connection",
                    "keep-alive",
                    "proxy-connection",
                    "te",
                    "trailer",
                    "transfer-encoding",
                    "upgrade",
                    "host",
                    "content-length",
                    "expect",
                    // What is taken over is sent unpacked: another model was put into it.
                    "content-encoding",
                    // Not asked for: a compressed answer could not be judged.
                    "accept-encoding");

    /** Credentials for the gateway itself: no provider ever sees them. */
    private static final Set<String> FOR_THE_GATEWAY =
            Set.of("apikey", "internal-key", "proxy-authorization");

    /** Where callers carry credentials for a provider, in headers and in the query. */
    private static final Set<String> CREDENTIALS =
            Set.of(
                    "authorization",
                    "x-api-key",
                    "api-key",
                    "x-goog-api-key",
                    "cookie",
                    "key",
                    "api_key",
                    "apikey",
                    "access_token");

    /** Choose an account, which has to be that of the credentials. */
    private static final Set<String> ACCOUNTS =
            Set.of("openai-organization", "openai-project", "x-goog-user-project");

    private Headers() {}

    /** Whether a header or query parameter of this name is a credential for the gateway itself. */
    static boolean isForTheGateway(String name) {
        return FOR_THE_GATEWAY.contains(name.toLowerCase(Locale.ROOT));
    }

    /** Whether a header or query parameter of this name is a credential of the caller's. */
    static boolean isCredential(String name) {
        return isLowerCredential(name.toLowerCase(Locale.ROOT));
    }

    private static boolean isLowerCredential(String lower) {
        // A signature, its token and its date.
        return CREDENTIALS.contains(lower) || lower.startsWith("x-amz-");
    }

    /** Whether a header of this name chooses an account: beside other credentials it is refused. */
    static boolean choosesAccount(String name) {
        return ACCOUNTS.contains(name.toLowerCase(Locale.ROOT));
    }

    /** Those further values whose first one the security mediators left as it was. */
    static Object unchanged(Object excess, Map<String, String> before, Map<String, String> after) {
        if (!(excess instanceof Map)) {
            return null;
        }
        Map<Object, Object> kept = new HashMap<>();
        ((Map<?, ?>) excess)
                .forEach(
                        (name, values) -> {
                            String first = before.get(String.valueOf(name));
                            if (first != null && first.equals(after.get(name.toString()))) {
                                kept.put(name, values);
                            }
                        });
        return kept;
    }

    /** A copy of the request's headers, with names in any case. */
    static Map<String, String> copy(Object headers) {
        Map<String, String> copy = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        if (headers instanceof Map) {
            ((Map<?, ?>) headers)
                    .forEach(
                            (name, value) -> {
                                if (name != null && value != null) {
                                    copy.put(name.toString(), value.toString());
                                }
                            });
        }
        return copy;
    }

    /**
     * What is sent to a provider, as a block of lines.
     *
     * @param headers one value for each name
     * @param excess further values, or null
     * @param host the host that was signed; null: that of the URL
     */
    static byte[] forProvider(Map<String, String> headers, Object excess, String host) {
        StringBuilder block = new StringBuilder(512);
        if (host != null) {
            block.append("host:").append(host).append('\n');
        }
        headers.forEach((name, value) -> line(block, name, value));
        if (excess instanceof Map) {
            ((Map<?, ?>) excess)
                    .forEach(
                            (name, values) -> {
                                // Only what was still there when the credentials were put in.
                                if (name != null
                                        && headers.containsKey(name.toString())
                                        && !name.toString().equalsIgnoreCase("Content-Type")) {
                                    for (Object value : (Collection<?>) values) {
                                        line(block, name.toString(), String.valueOf(value));
                                    }
                                }
                            });
        }
        return block.toString().getBytes(StandardCharsets.ISO_8859_1);
    }

    /** Whether a header can have this value (RFC 9110 section 5.5). */
    static boolean canBeSent(String value) {
        return value.chars()
                .allMatch(c -> c == '\t' || c >= ' ' && c < 0x7f || c > 0x7f && c <= 0xff);
    }

    /** All values of a header, in one line; null when there are none. */
    static String all(MessageContext axis2, String name) {
        Object headers = axis2.getProperty(Properties.HEADERS);
        // Names in any case, as the engine keeps them.
        Object first = headers instanceof Map ? ((Map<?, ?>) headers).get(name) : null;
        if (first == null) {
            return null;
        }
        StringJoiner joined = new StringJoiner(",").add(first.toString());
        Object excess = axis2.getProperty(Properties.EXCESS_HEADERS);
        if (excess instanceof Map) {
            ((Map<?, ?>) excess)
                    .forEach(
                            (spelt, others) -> {
                                if (name.equalsIgnoreCase(String.valueOf(spelt))) {
                                    ((Collection<?>) others)
                                            .forEach(other -> joined.add(String.valueOf(other)));
                                }
                            });
        }
        return joined.toString();
    }

    private static void line(StringBuilder block, String name, String value) {
        if (isForwarded(name) && canBeSent(value)) {
            block.append(name).append(':').append(value).append('\n');
        }
    }

    private static boolean isForwarded(String name) {
        return isLowerForwarded(name.toLowerCase(Locale.ROOT));
    }

    private static boolean isLowerForwarded(String lower) {
        return !NOT_FORWARDED.contains(lower) && !FOR_THE_GATEWAY.contains(lower);
    }

    /** How long the headers are that every candidate would be sent, each with its separators. */
    static final class Lengths {
        int longest;
        int all;

        private void add(String name, Object value) {
            int line = name.length() + String.valueOf(value).length() + 4;
            longest = Math.max(longest, line);
            all += line;
        }
    }

    /**
     * Measures what a client wants to be sent on, but for credentials: not every candidate is sent
     * those.
     *
     * @param headers one value for each name
     * @param excess further values, or null
     * @param forTheGateway the headers that hold the API's credentials for the gateway itself,
     *     found in any case
     */
    static Lengths measure(Object headers, Object excess, Set<String> forTheGateway) {
        Lengths lengths = new Lengths();
        Predicate<String> counts =
                name -> {
                    // Once: a client can send tens of thousands.
                    String lower = name.toLowerCase(Locale.ROOT);
                    return isLowerForwarded(lower)
                            && !isLowerCredential(lower)
                            && !forTheGateway.contains(name);
                };
        if (headers instanceof Map) {
            ((Map<?, ?>) headers)
                    .forEach(
                            (name, value) -> {
                                if (name != null && counts.test(name.toString())) {
                                    lengths.add(name.toString(), value);
                                }
                            });
        }
        if (excess instanceof Map) {
            ((Map<?, ?>) excess)
                    .forEach(
                            (name, values) -> {
                                if (name != null && counts.test(name.toString())) {
                                    ((Collection<?>) values)
                                            .forEach(one -> lengths.add(name.toString(), one));
                                }
                            });
        }
        return lengths;
    }

    /**
     * Takes out what the client's {@code Connection} names: it was for the gateway (RFC 9110
     * section 7.6.1). Only as the client sent it: what the gateway itself has added or changed
     * since stays, or a client could take it away.
     *
     * @param headers what is about to be sent on
     * @param received the client's request
     */
    static void removeThoseOfOneHop(Map<String, String> headers, HttpRequest received) {
        for (Header connection : received.getHeaders("Connection")) {
            for (String option : connection.getValue().split(",")) {
                String name = option.trim();
                Header sent =
                        // It says what the body is (RFC 9110 section 7.6.1 forbids to name it).
                        name.equalsIgnoreCase("Content-Type")
                                ? null
                                : received.getFirstHeader(name);
                if (sent != null && sent.getValue().equals(headers.get(name))) {
                    headers.remove(name);
                }
            }
        }
    }

    /** Puts a provider's headers on the context of an answer. Returns its content type, or null. */
    static String put(MessageContext axis2, byte[] block) {
        Map<String, String> single = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        MultiValueMap excess = null;
        for (String[] header : read(block)) {
            if (single.putIfAbsent(header[0], header[1]) != null) {
                excess = excess == null ? new MultiValueMap() : excess;
                excess.put(header[0], header[1]);
            }
        }
        axis2.setProperty(Properties.HEADERS, single);
        if (excess != null) {
            axis2.setProperty(Properties.EXCESS_HEADERS, excess);
        }
        return single.get("Content-Type");
    }

    private static List<String[]> read(byte[] block) {
        List<String[]> headers = new ArrayList<>();
        String text = new String(block, StandardCharsets.ISO_8859_1);
        int from = 0;
        for (int end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
            int colon = text.indexOf(':', from);
            String name = text.substring(from, colon);
            // Synapse looks for this name in this spelling.
            name = name.equalsIgnoreCase("content-type") ? "Content-Type" : name;
            headers.add(new String[] {name, text.substring(colon + 1, end)});
            from = end + 1;
        }
        return headers;
    }
}
