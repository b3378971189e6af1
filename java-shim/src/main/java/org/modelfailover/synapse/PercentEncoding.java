package org.modelfailover.synapse;

import java.nio.charset.StandardCharsets;

/** Escapes in URLs (RFC 3986 section 2.1). */
final class PercentEncoding {
    private PercentEncoding() {}

    /**
     * Escapes what is no letter, digit or one of {@code plain}; what is escaped already stays as it
     * is.
     */
    static String escaped(String text, String plain) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        StringBuilder spelt = new StringBuilder(text.length());
        for (int i = 0; i < bytes.length; i++) {
            if (isEscape(bytes, i)) {
                spelt.append('%');
            } else {
                put(spelt, bytes[i], plain);
            }
        }
        return spelt.toString();
    }

    /** Unescapes a name or a value of a query, and escapes it anew. */
    static String respelt(String text, String plain) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        StringBuilder spelt = new StringBuilder(text.length());
        for (int i = 0; i < bytes.length; i++) {
            byte one = bytes[i];
            if (isEscape(bytes, i)) {
                one = (byte) (hex(bytes[i + 1]) << 4 | hex(bytes[i + 2]));
                i += 2;
            } else if (one == '+') {
                one = ' ';
            }
            put(spelt, one, plain);
        }
        return spelt.toString();
    }

    private static boolean isEscape(byte[] bytes, int at) {
        return bytes[at] == '%'
                && at + 2 < bytes.length
                && hex(bytes[at + 1]) >= 0
                && hex(bytes[at + 2]) >= 0;
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
            spelt.append('%').append(digit(one >> 4)).append(digit(one));
        }
    }

    private static char digit(int value) {
        return Character.toUpperCase(Character.forDigit(value & 15, 16));
    }
}
