package org.modelfailover.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import org.apache.axiom.om.OMElement;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import javax.xml.namespace.QName;

/** Whatever is configured arrives at the mediator as it was configured. */
class TemplateTest {
    static Stream<String> nastyValues() {
        return Stream.of(
                "{'production':{'targetModel':{'endpointName':'O'Brien's endpoint'}}}",
                "{\"production\":{\"targetModel\":{\"model\":\"gpt-4o\"}}}",
                "{&quot;production&quot;:{}}",
                "&amp; &lt; &#39; &apos; &nbsp; &unknown;",
                "a & b < c > d",
                "]]> <![CDATA[ x ]]> <!-- y --> <?z?>",
                "<property name=\"x\"/>",
                "\"/><class name=\"evil\"/>",
                "{{ 7*7 }}",
                "{{failoverConfigs}}",
                "{% for i in range(3) %}x{% endfor %}",
                "{% raw %}",
                "{# comment #} {{ '{{' }} }} %} #}",
                "{ { % } }",
                "%41 %7B%7B 100% %",
                "a+b c  d",
                " leading and trailing ",
                "line one\nline two\r\nline three\rend",
                "tab\tand\ttab",
                "\\ \\\\ \\n \\u0041 \\' \\\"",
                "é ß Ω ж 漢字 ｆｕｌｌ",
                "🦜 👩‍👩‍👧 𝕏",
                "\u202e\u200b\u00a0\u2028",
                "~!@#$^*()-_=[]|;:,.?/`",
                "null",
                "0",
                "false",
                "",
                "{'x':'" + "ab&<{{%'\"é🦜".repeat(1700) + "'}");
    }

    @ParameterizedTest
    @MethodSource("nastyValues")
    void aValueArrivesUnchangedThroughEveryAttribute(String value) {
        Map<String, Object> parameters = new HashMap<>();
        for (String name : Policy.attributeNames()) {
            parameters.put(name, value);
        }
        Map<String, String> expected = new LinkedHashMap<>();
        for (String name : Policy.attributeNames()) {
            expected.put(name, value);
        }
        assertEquals(expected, arriving(parameters));
    }

    @Test
    void theLongValueIsLongerThan20Kilobytes() {
        assertFalse(nastyValues().noneMatch(value -> value.length() > 20_000));
    }

    @Test
    void missingParametersArriveEmpty() {
        assertAllEmpty(arriving(Map.of()));
    }

    /** The portal sends null for a hidden attribute without a default. */
    @Test
    void nullParametersArriveEmpty() {
        Map<String, Object> parameters = new HashMap<>();
        for (String name : Policy.attributeNames()) {
            parameters.put(name, null);
        }
        assertAllEmpty(arriving(parameters));
    }

    /** A parameter set through REST or apictl may be a number or a boolean. */
    @Test
    void numbersAndBooleansArriveAsTheirText() {
        Map<String, String> arrived =
                arriving(
                        Map.of(
                                "connectTimeout",
                                2,
                                "suspendGrowth",
                                1.5,
                                "maxRequestBody",
                                67108864L,
                                "responseHeaders",
                                false));
        assertEquals("2", arrived.get("connectTimeout"));
        assertEquals("1.5", arrived.get("suspendGrowth"));
        assertEquals("67108864", arrived.get("maxRequestBody"));
        assertEquals("false", arrived.get("responseHeaders"));
    }

    @Test
    void thePropertiesAreTheAttributesInTheirOrder() {
        OMElement mediator = HostRendering.render(Policy.template(), Map.of());
        assertEquals("class", mediator.getLocalName());
        assertEquals(Policy.CLASS_NAME, mediator.getAttributeValue(new QName("name")));
        assertEquals(
                Policy.attributeNames(),
                new ArrayList<>(HostRendering.properties(mediator).keySet()));
    }

    /** Synapse runs a class mediator that has an expression under a lock of the whole mediator. */
    @Test
    void noPropertyHasAnExpression() {
        assertFalse(Policy.template().contains("expression"), Policy.template());
    }

    private static Map<String, String> arriving(Map<String, ?> parameters) {
        OMElement mediator = HostRendering.render(Policy.template(), parameters);
        Map<String, String> arrived = new LinkedHashMap<>();
        HostRendering.properties(mediator)
                .forEach((name, value) -> arrived.put(name, HostRendering.decode(value)));
        return arrived;
    }

    private static void assertAllEmpty(Map<String, String> arrived) {
        List<String> empty = Collections.nCopies(Policy.attributeNames().size(), "");
        assertEquals(empty, new ArrayList<>(arrived.values()));
    }
}
