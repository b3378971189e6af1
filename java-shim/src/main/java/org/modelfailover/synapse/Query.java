package org.modelfailover.synapse;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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

    /**
     * The path without the parameters of certain names; the others stay as they are spelt. One that
     * holds such a name for somebody who takes a semicolon for an ampersand holds none any more.
     */
    static String without(String path, Predicate<String> unwanted) {
        int at = path == null ? -1 : path.indexOf('?');
        if (at < 0) {
            return path;
        }
        List<String> kept = new ArrayList<>();
        boolean changed = false;
        for (String parameter : parameters(path)) {
            if (unwanted.test(name(parameter))) {
                changed = true;
                continue;
            }
            boolean hides =
                    Arrays.stream(parameter.split(";")).anyMatch(p -> unwanted.test(name(p)));
            kept.add(hides ? parameter.replace(";", "%3B") : parameter);
            changed |= hides;
        }
        return changed ? joined(path.substring(0, at), kept) : path;
    }

    /**
     * The path with a number sign as a part of it: no request line has a fragment, and what is put
     * in behind one would be lost.
     */
    static String withoutFragment(String path) {
        return path == null ? null : path.replace("#", "%23");
    }

    /** A URL without the parts that may hold a credential: user and password, query, fragment. */
    static String bare(String url) {
        return url.replaceFirst("[?#].*", "").replaceFirst("//[^/]*@", "//");
    }

    /**
     * The caller's path with what security mediators have added to it, and without those parameters
     * of the caller's that have the name of one they added: the provider must not take the caller's
     * for the endpoint's. What they have not touched stays as it is spelt.
     *
     * @param callers the caller's path
     * @param parsed that path as the mediators were given it
     * @param made what they made of it
     */
    static String withAdded(String callers, String parsed, String made) {
        if (Objects.equals(parsed, made)) {
            return callers;
        }
        Map<String, Integer> before = count(parsed);
        Map<String, Integer> after = count(made);
        List<String> added = new ArrayList<>();
        Map<String, Integer> seen = new HashMap<>();
        for (String parameter : parameters(made)) {
            String name = name(parameter);
            if (seen.merge(name, 1, Integer::sum) > before.getOrDefault(name, 0)) {
                added.add(parameter);
            }
        }
        Predicate<String> isAdded =
                name -> after.getOrDefault(name, 0) > before.getOrDefault(name, 0);
        boolean onlyAdded =
                Objects.equals(path(parsed), path(made))
                        && before.keySet().stream()
                                .allMatch(name -> after.getOrDefault(name, 0) >= before.get(name));
        // They have changed more than they are there for: then theirs counts.
        String rest = without(onlyAdded ? callers : made, isAdded);
        List<String> all = new ArrayList<>(parameters(rest));
        all.addAll(added);
        return joined(path(rest), all);
    }

    private static Map<String, Integer> count(String path) {
        Map<String, Integer> names = new HashMap<>();
        parameters(path).forEach(parameter -> names.merge(name(parameter), 1, Integer::sum));
        return names;
    }

    /** The path without its query. */
    private static String path(String path) {
        int at = path == null ? -1 : path.indexOf('?');
        return at < 0 ? path : path.substring(0, at);
    }

    /** The parameters of a path's query, as they are spelt. */
    private static List<String> parameters(String path) {
        int at = path == null ? -1 : path.indexOf('?');
        return at < 0 || at == path.length() - 1
                ? List.of()
                : List.of(path.substring(at + 1).split("&", -1));
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
