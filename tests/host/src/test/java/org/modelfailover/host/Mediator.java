package org.modelfailover.host;

import org.apache.axiom.om.OMElement;
import org.apache.axiom.om.OMXMLBuilderFactory;
import org.apache.synapse.config.xml.MediatorFactoryFinder;
import org.apache.synapse.config.xml.SwitchCase;
import org.apache.synapse.mediators.ListMediator;
import org.apache.synapse.mediators.ext.ClassMediator;
import org.apache.synapse.mediators.filters.SwitchMediator;
import org.modelfailover.synapse.ModelFailoverMediator;

import java.io.StringReader;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/**
 * The mediator that Synapse's own factories make of a sequence, with what its setters were given.
 */
final class Mediator {
    private final ModelFailoverMediator mediator;

    private Mediator(ModelFailoverMediator mediator) {
        this.mediator = mediator;
    }

    /** The only class mediator of a sequence, wherever in it. */
    static Mediator in(String sequenceXml) {
        if (sequenceXml.isEmpty()) {
            throw new AssertionError("the host has dropped the policy");
        }
        OMElement element =
                OMXMLBuilderFactory.createOMBuilder(new StringReader(sequenceXml))
                        .getDocumentElement();
        List<ClassMediator> found = new ArrayList<>();
        collect(MediatorFactoryFinder.getInstance().getMediator(element, new Properties()), found);
        if (found.size() != 1) {
            throw new AssertionError("not one class mediator: " + sequenceXml);
        }
        return new Mediator((ModelFailoverMediator) found.get(0).getMediator());
    }

    private static void collect(org.apache.synapse.Mediator from, List<ClassMediator> into) {
        if (from instanceof ClassMediator) {
            into.add((ClassMediator) from);
        } else if (from instanceof ListMediator) {
            ((ListMediator) from).getList().forEach(child -> collect(child, into));
        } else if (from instanceof SwitchMediator) {
            for (SwitchCase one : ((SwitchMediator) from).getCases()) {
                collect(one.getCaseMediator(), into);
            }
        }
    }

    String failoverConfigs() {
        return (String) field("failoverConfigs");
    }

    /** All attributes by name, {@code failoverConfigs} among them. */
    Map<String, String> attributes() {
        List<?> pairs = (List<?>) field("attributes");
        Map<String, String> attributes = new HashMap<>();
        attributes.put("failoverConfigs", failoverConfigs());
        for (int i = 0; i < pairs.size(); i += 2) {
            attributes.put((String) pairs.get(i), (String) pairs.get(i + 1));
        }
        return attributes;
    }

    private Object field(String name) {
        try {
            Field field = ModelFailoverMediator.class.getDeclaredField(name);
            field.setAccessible(true);
            return field.get(mediator);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError("the mediator keeps its settings elsewhere now", e);
        }
    }
}
