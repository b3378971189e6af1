package org.modelfailover.synapse.engine;

import org.apache.axis2.context.MessageContext;
import org.apache.commons.collections.map.MultiValueMap;
import org.apache.http.Header;
import org.apache.http.HttpRequest;

import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Map;
import java.util.StringJoiner;
import java.util.TreeMap;

/**
 * Headers between Axis2's two maps (one value each, and the rest) and the block of {@code
 * name:value\n} lines that crosses to the native side.
 */
public final class Headers {
    private Headers() {}

    /** A copy of a context's headers, with names in any case. */
    public static TreeMap<String, String> copy(Object headers) {
        TreeMap<String, String> copy = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        map(headers)
                .forEach(
                        (name, value) -> {
                            if (name != null && value != null) {
                                copy.put(name.toString(), value.toString());
                            }
                        });
        return copy;
    }

    /**
     * The block of a context's headers.
     *
     * @param headers one value for each name
     * @param excess further values, or null; of names that were taken out since there are none
     */
    public static byte[] block(Object headers, Object excess) {
        StringBuilder block = new StringBuilder(512);
        Map<?, ?> first = map(headers);
        first.forEach((name, value) -> line(block, name, value));
        if (!map(excess).isEmpty()) {
            Map<String, String> known = copy(headers);
            map(excess)
                    .forEach(
                            (name, values) -> {
                                if (name != null && known.containsKey(name.toString())) {
                                    for (Object value : (Collection<?>) values) {
                                        line(block, name, value);
                                    }
                                }
                            });
        }
        return block.toString().getBytes(StandardCharsets.ISO_8859_1);
    }

    /**
     * The block of a request as it came in, where its {@code Connection} may name some of its
     * headers; otherwise null.
     */
    public static byte[] received(HttpRequest request) {
        boolean names = false;
        for (Header connection : request.getHeaders("Connection")) {
            names |= !"keep-alive".equalsIgnoreCase(connection.getValue());
        }
        if (!names) {
            return null;
        }
        StringBuilder block = new StringBuilder(512);
        for (Header header : request.getAllHeaders()) {
            line(block, header.getName(), header.getValue());
        }
        return block.toString().getBytes(StandardCharsets.ISO_8859_1);
    }

    private static void line(StringBuilder block, Object name, Object value) {
        if (name != null && value != null && fitsALine(name.toString())) {
            String text = value.toString();
            block.append(name).append(':').append(fitsALine(text) ? text : "\0").append('\n');
        }
    }

    /** What does not, no header can hold; the native side is to see that there is something. */
    private static boolean fitsALine(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) == '\n' || text.charAt(i) > 0xff) {
                return false;
            }
        }
        return true;
    }

    /** All values of a header, in one line; null when there are none. */
    public static String all(MessageContext axis2, String name) {
        // Names in any case, as the engine keeps them.
        Object first = map(axis2.getProperty(Properties.HEADERS)).get(name);
        if (first == null) {
            return null;
        }
        StringJoiner joined = new StringJoiner(",").add(first.toString());
        map(axis2.getProperty(Properties.EXCESS_HEADERS))
                .forEach(
                        (spelt, others) -> {
                            if (name.equalsIgnoreCase(String.valueOf(spelt))) {
                                ((Collection<?>) others)
                                        .forEach(other -> joined.add(String.valueOf(other)));
                            }
                        });
        return joined.toString();
    }

    /**
     * Takes a header off a request, and returns all its values in one line; null when there are
     * none.
     */
    public static String take(MessageContext axis2, String name) {
        String values = all(axis2, name);
        if (values != null) {
            map(axis2.getProperty(Properties.HEADERS)).remove(name);
            map(axis2.getProperty(Properties.EXCESS_HEADERS))
                    .keySet()
                    .removeIf(spelt -> name.equalsIgnoreCase(String.valueOf(spelt)));
        }
        return values;
    }

    private static Map<?, ?> map(Object headers) {
        return headers instanceof Map ? (Map<?, ?>) headers : Map.of();
    }

    /**
     * Puts a provider's headers on the context of an answer. Returns its content type, or null.
     *
     * @param length of the body, in bytes, or -1: the host's analytics look for it; the engine
     *     frames the body by itself
     */
    public static String put(MessageContext axis2, byte[] block, long length) {
        Map<String, String> single = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        MultiValueMap excess = null;
        String text = new String(block, StandardCharsets.ISO_8859_1);
        int from = 0;
        for (int end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
            int colon = text.indexOf(':', from);
            String name = text.substring(from, colon);
            // Synapse looks for this name in this spelling.
            name = name.equalsIgnoreCase("content-type") ? "Content-Type" : name;
            String value = text.substring(colon + 1, end);
            if (single.putIfAbsent(name, value) != null) {
                excess = excess == null ? new MultiValueMap() : excess;
                excess.put(name, value);
            }
            from = end + 1;
        }
        if (length >= 0) {
            single.put("Content-Length", Long.toString(length));
        }
        axis2.setProperty(Properties.HEADERS, single);
        if (excess != null) {
            axis2.setProperty(Properties.EXCESS_HEADERS, excess);
        }
        return single.get("Content-Type");
    }
}
