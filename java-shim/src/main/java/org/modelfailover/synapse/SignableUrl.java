package org.modelfailover.synapse;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;

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
    private static final Pattern ESCAPED_DOT = Pattern.compile("(?i)%2e");

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
        path = slash < 0 ? "/" : PercentEncoding.escaped(before.substring(slash), IN_A_PATH);
        for (String segment : path.substring(1).split("/", -1)) {
            String dots = ESCAPED_DOT.matcher(segment).replaceAll(".");
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

    private static String query(String query) {
        List<String[]> parameters = new ArrayList<>();
        for (String parameter : query.split("&")) {
            if (!parameter.isEmpty()) {
                int equals = parameter.indexOf('=');
                int end = equals < 0 ? parameter.length() : equals;
                String value = equals < 0 ? "" : parameter.substring(equals + 1);
                String name = PercentEncoding.respelt(parameter.substring(0, end), UNRESERVED);
                parameters.add(new String[] {name, PercentEncoding.respelt(value, UNRESERVED)});
            }
        }
        parameters.sort(Arrays::compare);
        List<String> spelt = new ArrayList<>();
        parameters.forEach(one -> spelt.add(one[0] + "=" + one[1]));
        return spelt.isEmpty() ? null : String.join("&", spelt);
    }
}
