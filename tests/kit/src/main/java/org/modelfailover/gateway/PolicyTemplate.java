package org.modelfailover.gateway;

import com.hubspot.jinjava.Jinjava;

import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.ErrorHandler;
import org.xml.sax.InputSource;
import org.xml.sax.SAXException;
import org.xml.sax.SAXParseException;

import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import javax.xml.transform.OutputKeys;
import javax.xml.transform.Transformer;
import javax.xml.transform.TransformerException;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;

/**
 * Turns a policy's {@code .j2} and the values of its attributes into mediators, the way API Manager
 * does it: Jinjava renders the template, the text is parsed below a root element, the result goes
 * into an outer document, and Jinjava renders that again. Values are inserted raw, both times.
 */
public final class PolicyTemplate {
    private static final String OUTER =
            "{% for policy in api_level_policies %}{{policy}}{% endfor %}";

    private static final Jinjava JINJAVA = new Jinjava();

    private PolicyTemplate() {}

    /** What API Manager logs in one line and then deploys the API without: no well-formed XML. */
    public static final class Dropped extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Dropped(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /**
     * Renders a template.
     *
     * @param j2 the policy's definition
     * @param params attribute values as they are stored; a missing one renders as nothing
     * @return one or more mediators without a root element
     * @throws Dropped if the host would drop the policy
     */
    public static String render(Path j2, Map<String, ?> params) {
        try {
            return render(Files.readString(j2), params);
        } catch (IOException e) {
            throw new GatewayException(j2 + ": " + e, e);
        }
    }

    /** As {@link #render(Path, Map)}, from the template's text. */
    public static String render(String j2, Map<String, ?> params) {
        String once = serialise(mediators(JINJAVA.render(j2, params)));
        String twice = JINJAVA.render(OUTER, Map.of("api_level_policies", List.of(once)));
        mediators(twice);
        return twice;
    }

    /** Parses a fragment below a root element, without namespaces and without a DTD. */
    static Element mediators(String fragment) {
        try {
            DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
            factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
            DocumentBuilder builder = factory.newDocumentBuilder();
            builder.setErrorHandler(new Thrower());
            String declaration = "^\\s*<\\?xml[^>]*\\?>";
            Document document =
                    builder.parse(
                            new InputSource(
                                    new StringReader(
                                            "<root>"
                                                    + fragment.replaceFirst(declaration, "")
                                                    + "</root>")));
            return document.getDocumentElement();
        } catch (SAXException e) {
            throw new Dropped(
                    "not well-formed, API Manager would drop this policy: " + e.getMessage(), e);
        } catch (IOException | ParserConfigurationException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String serialise(Element root) {
        StringBuilder all = new StringBuilder();
        try {
            Transformer transformer = TransformerFactory.newInstance().newTransformer();
            transformer.setOutputProperty(OutputKeys.OMIT_XML_DECLARATION, "yes");
            for (Node node = root.getFirstChild(); node != null; node = node.getNextSibling()) {
                if (node.getNodeType() == Node.ELEMENT_NODE) {
                    StringWriter text = new StringWriter();
                    transformer.transform(new DOMSource(node), new StreamResult(text));
                    all.append(text).append('\n');
                }
            }
        } catch (TransformerException e) {
            throw new IllegalStateException(e);
        }
        return all.toString();
    }

    /** The parser's own handler writes to stderr. */
    private static final class Thrower implements ErrorHandler {
        @Override
        public void warning(SAXParseException e) {}

        @Override
        public void error(SAXParseException e) throws SAXException {
            throw e;
        }

        @Override
        public void fatalError(SAXParseException e) throws SAXException {
            throw e;
        }
    }
}
