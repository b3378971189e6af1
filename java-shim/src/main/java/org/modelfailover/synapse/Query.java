package org.modelfailover.synapse;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** The query of a URL or path, taken apart only where credentials demand it. */
final class Query {
    /** As they are in paths and queries (RFC 3986 section 3.4). */
    private static final String PLAIN = "-._~:@!$&'()*+,=/?";

    private Query() {}

    /**
     * The path in a spelling that every parser reads in the same way. Security mediators parse it,
     * and leave the endpoint's key out when they can't; some take a semicolon for an ampersand.
     */
    static String wellFormed(String path) {
        if (path == null) {
            return null;
        }
        int at = path.indexOf('?');
        // In a path a semicolon is nobody's separator of parameters.
        String before = at < 0 ? path : path.substring(0, at);
        String query = at < 0 ? "" : path.substring(at);
        return PercentEncoding.escaped(before, PLAIN + ";") + PercentEncoding.escaped(query, PLAIN);
    }

    /** The path without the parameters of certain names; the others stay as they are spelt. */
    static String without(String path, Predicate<String> unwanted) {
        int at = path == null ? -1 : path.indexOf('?');
        if (at < 0) {
            return path;
        }
        List<String> kept = new ArrayList<>();
        boolean changed = false;
        for (String parameter : path.substring(at + 1).split("&")) {
            if (unwanted.test(name(parameter))) {
                changed = true;
            } else {
                kept.add(parameter);
            }
        }
        return changed ? joined(path.substring(0, at), kept) : path;
    }

    /** A URL without the parts that may hold a credential: user and password, query, fragment. */
    static String bare(String url) {
        return url.replaceFirst("[?#].*", "").replaceFirst("//[^/]*@", "//");
    }

    /**
     * The path that security mediators made, without those parameters of the caller's that have the
     * name of one they added: the provider must not take the caller's for the endpoint's.
     */
    static String withAdded(String before, String after) {
        int at = after == null ? -1 : after.indexOf('?');
        if (at < 0) {
            return after;
        }
        Map<String, Integer> callers = count(before);
        Map<String, Integer> all = count(after);
        List<String> kept = new ArrayList<>();
        Map<String, Integer> seen = new HashMap<>();
        for (String parameter : after.substring(at + 1).split("&")) {
            String name = name(parameter);
            int of = seen.merge(name, 1, Integer::sum);
            int fromCaller = callers.getOrDefault(name, 0);
            boolean added = all.get(name) > fromCaller;
            if (!added || of > fromCaller) {
                kept.add(parameter);
            }
        }
        return joined(after.substring(0, at), kept);
    }

    private static Map<String, Integer> count(String path) {
        Map<String, Integer> names = new HashMap<>();
        int at = path == null ? -1 : path.indexOf('?');
        if (at >= 0) {
            for (String parameter : path.substring(at + 1).split("&")) {
                names.merge(name(parameter), 1, Integer::sum);
            }
        }
        return names;
    }

    private static String joined(String path, List<String> parameters) {
        return parameters.isEmpty() ? path : path + "?" + String.join("&", parameters);
    }

    private static String name(String parameter) {
        int equals = parameter.indexOf('=');
        String name = equals < 0 ? parameter : parameter.substring(0, equals);
        try {
            return URLDecoder.decode(name, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            return name;
        }
    }
}
