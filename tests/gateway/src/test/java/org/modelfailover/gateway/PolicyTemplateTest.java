package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Templates render as API Manager renders them, with its traps. */
class PolicyTemplateTest {
    private static final String RAW = "<class name=\"a.B\"><property value=\"{{x}}\"/></class>";
    private static final String ENCODED =
            "<class name=\"a.B\"><property value=\"{{x|urlencode}}\"/></class>";

    private static String value(String template, String x) {
        return PolicyTemplate.mediators(PolicyTemplate.render(template, Map.of("x", x)))
                .getElementsByTagName("property")
                .item(0)
                .getAttributes()
                .getNamedItem("value")
                .getNodeValue();
    }

    @Test
    void aMissingValueRendersAsNothing() {
        String rendered = PolicyTemplate.render(RAW, Map.of());
        assertEquals("<class name=\"a.B\"><property value=\"\"/></class>", rendered.trim());
    }

    @Test
    void severalMediatorsStaySeveral() {
        String rendered = PolicyTemplate.render("<a/> text <b x=\"{{x}}\"/>", Map.of("x", "1"));
        assertEquals("<a/>\n<b x=\"1\"/>", rendered.trim());
    }

    @ParameterizedTest
    @ValueSource(strings = {"a & b", "a < b", "say \"a\""})
    void whatApiManagerWouldDropIsAnError(String x) {
        assertThrows(
                PolicyTemplate.Dropped.class, () -> PolicyTemplate.render(RAW, Map.of("x", x)));
    }

    @Test
    void bracesInAValueAreEvaluated() {
        assertEquals("49", value(RAW, "{{ 7*7 }}"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a & b < c > \"d\" 'e'",
                "{{ 7*7 }} {% if x %}",
                "line\nline\ttab",
                "]]> ü €",
                "100 % + 1"
            })
    void urlencodeLosesNothing(String x) {
        assertEquals(x, URLDecoder.decode(value(ENCODED, x), StandardCharsets.UTF_8));
    }
}
