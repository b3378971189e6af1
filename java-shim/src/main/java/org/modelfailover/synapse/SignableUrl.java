package org.modelfailover.synapse;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A URL in the one spelling over which a signature holds: what signs it, what sends it and what
 * checks it respell nothing any more.
 *
 * <p>The query is in the canonical form of AWS Signature Version 4 (<i>AWS Signature Version 4 for
 * API requests</i>, "Create a canonical request"). In the path everything that Java's form encoding
 * and the signature's encoding treat differently, or that a URL parser would escape, is escaped.
 */
final class SignableUrl {
    private static final String UNRESERVED = "-._~";

    /** As they are in a path; {@code *} and {@code ~} are none of them: form encoding differs. */
    private static final String IN_A_PATH = "-._:@!$&'()+,;=/";

    /** Scheme and authority. */
    final String server;

    final String path;

    /** Without its question mark; null when there is none. */
    final String query;

    /**
     * @throws Candidates.Unusable when the path has no spelling over which a signature holds
     */
    SignableUrl(String url) throws Candidates.Unusable {
        int authority = url.indexOf("://") + 3;
        int question = url.indexOf('?', authority);
        String before = question < 0 ? url : url.substring(0, question);
        int slash = before.indexOf('/', authority);
        server = slash < 0 ? before : before.substring(0, slash);
        path = slash < 0 ? "/" : path(before.substring(slash));
        for (String segment : path.substring(1).split("/", -1)) {
            String dots = segment.replaceAll("(?i)%2e", ".");
            if (dots.isEmpty() || dots.equals(".") || dots.equals("..")) {
                throw new Candidates.Unusable(
                        "its credentials are a signature, which the path "
                                + path
                                + " can't have: a segment of it is empty or dots");
            }
        }
        query = question < 0 ? null : query(url.substring(question + 1));
    }

    /** Path and query. */
    String pathAndQuery() {
        return query == null ? path : path + "?" + query;
    }

    @Override
    public String toString() {
        return server + pathAndQuery();
    }

    private static String path(String path) {
        byte[] bytes = path.getBytes(StandardCharsets.UTF_8);
        StringBuilder spelt = new StringBuilder(path.length());
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == '%' && isEscape(bytes, i)) {
                spelt.append('%');
            } else {
                put(spelt, bytes[i], IN_A_PATH);
            }
        }
        return spelt.toString();
    }

    private static String query(String query) {
        List<String[]> parameters = new ArrayList<>();
        for (String parameter : query.split("&")) {
            if (!parameter.isEmpty()) {
                int equals = parameter.indexOf('=');
                int end = equals < 0 ? parameter.length() : equals;
                String value = equals < 0 ? "" : parameter.substring(equals + 1);
                parameters.add(new String[] {part(parameter.substring(0, end)), part(value)});
            }
        }
        parameters.sort(Arrays::compare);
        List<String> spelt = new ArrayList<>();
        parameters.forEach(one -> spelt.add(one[0] + "=" + one[1]));
        return spelt.isEmpty() ? null : String.join("&", spelt);
    }

    /** A name or a value: unescaped, and escaped anew. */
    private static String part(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        StringBuilder spelt = new StringBuilder(text.length());
        for (int i = 0; i < bytes.length; i++) {
            byte one = bytes[i];
            if (one == '%' && isEscape(bytes, i)) {
                one = (byte) (hex(bytes[i + 1]) << 4 | hex(bytes[i + 2]));
                i += 2;
            } else if (one == '+') {
                one = ' ';
            }
            put(spelt, one, UNRESERVED);
        }
        return spelt.toString();
    }

    private static boolean isEscape(byte[] bytes, int at) {
        return at + 2 < bytes.length && hex(bytes[at + 1]) >= 0 && hex(bytes[at + 2]) >= 0;
    }

    private static int hex(byte digit) {
        return Character.digit(digit, 16);
    }

    private static void put(StringBuilder spelt, byte one, String plain) {
        boolean alphanumeric =
                one >= 'a' && one <= 'z' || one >= 'A' && one <= 'Z' || one >= '0' && one <= '9';
        if (alphanumeric || one > 0 && plain.indexOf(one) >= 0) {
            spelt.append((char) one);
        } else {
            spelt.append(String.format("%%%02X", one));
        }
    }
}
