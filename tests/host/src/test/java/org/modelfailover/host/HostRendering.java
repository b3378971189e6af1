package org.modelfailover.host;

import com.hubspot.jinjava.Jinjava;

import org.apache.axiom.om.OMElement;
import org.apache.axiom.om.OMXMLBuilderFactory;

import java.io.ByteArrayInputStream;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import javax.xml.namespace.QName;

/**
 * What API Manager's {@code SynapsePolicyAggregator} does with a policy's template: renders it with
 * the parameters, parses the result inside a root element, writes the children out again, puts them
 * into the template of the sequence and renders that as well, so that a value passes Jinjava twice.
 */
final class HostRendering {
    private static final String SEQUENCE_TEMPLATE =
            "<sequence xmlns=\"http://ws.apache.org/ns/synapse\" name=\"{{sequence_name}}\">\n"
                    + "{% for policy in policies %}\n    {{policy}}\n{% endfor %}\n"
                    + "</sequence>";

    private HostRendering() {}

    /** The {@code <class>} element that the gateway would be given. */
    static OMElement render(String template, Map<String, ?> parameters) {
        OMElement root = parse("<root>" + once(template, parameters) + "</root>");
        List<String> policies = new ArrayList<>();
        for (OMElement child : children(root)) {
            policies.add(child.toString());
        }
        OMElement sequence =
                parse(once(SEQUENCE_TEMPLATE, Map.of("sequence_name", "s", "policies", policies)));
        List<OMElement> mediators = children(sequence);
        if (mediators.size() != 1) {
            throw new IllegalStateException("not one mediator: " + sequence);
        }
        return mediators.get(0);
    }

    /** The value of each property of a {@code <class>} element, as it stands in the attribute. */
    static Map<String, String> properties(OMElement mediator) {
        Map<String, String> values = new LinkedHashMap<>();
        for (OMElement property : children(mediator)) {
            String name = property.getAttributeValue(new QName("name"));
            if (values.put(name, property.getAttributeValue(new QName("value"))) != null) {
                throw new IllegalStateException("the template sets " + name + " twice");
            }
        }
        return values;
    }

    /** What the mediator's setter makes of a property's value. */
    static String decode(String value) {
        return URLDecoder.decode(value, StandardCharsets.UTF_8);
    }

    static OMElement parse(String xml) {
        byte[] bytes = xml.getBytes(StandardCharsets.UTF_8);
        return OMXMLBuilderFactory.createOMBuilder(new ByteArrayInputStream(bytes))
                .getDocumentElement();
    }

    private static List<OMElement> children(OMElement parent) {
        List<OMElement> children = new ArrayList<>();
        for (Iterator<?> iterator = parent.getChildElements(); iterator.hasNext(); ) {
            children.add((OMElement) iterator.next());
        }
        return children;
    }

    private static String once(String template, Map<String, ?> parameters) {
        return new Jinjava().render(template, parameters);
    }
}
