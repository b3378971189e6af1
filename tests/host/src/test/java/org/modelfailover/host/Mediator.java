package org.modelfailover.host;

import org.apache.axiom.om.OMElement;
import org.apache.axiom.om.OMXMLBuilderFactory;
import org.apache.synapse.config.xml.MediatorFactoryFinder;
import org.apache.synapse.config.xml.SwitchCase;
import org.apache.synapse.mediators.ListMediator;
import org.apache.synapse.mediators.ext.ClassMediator;
import org.apache.synapse.mediators.filters.SwitchMediator;
import org.modelfailover.synapse.ModelFailoverMediator;
import org.modelfailover.synapse.api.DeployedPolicy;

import java.io.StringReader;
import java.lang.reflect.Field;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
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
        return new Mediator((ModelFailoverMediator) only(sequenceXml));
    }

    /** The same, whatever class it is of. */
    static org.apache.synapse.Mediator only(String sequenceXml) {
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
        return found.get(0).getMediator();
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

    /**
     * All attributes by name, {@code failoverConfigs} among them, as the native side reads them.
     */
    Map<String, String> attributes() {
        Map<String, String> attributes = new HashMap<>();
        attributes.put("failoverConfigs", failoverConfigs());
        for (String pair : ((String) field("settings")).split("&")) {
            String[] halves = pair.split("=", 2);
            attributes.put(halves[0], URLDecoder.decode(halves[1], StandardCharsets.UTF_8));
        }
        return attributes;
    }

    private Object field(String name) {
        try {
            Field policy = ModelFailoverMediator.class.getDeclaredField("policy");
            policy.setAccessible(true);
            Field field = DeployedPolicy.class.getDeclaredField(name);
            field.setAccessible(true);
            return field.get(policy.get(mediator));
        } catch (ReflectiveOperationException e) {
            throw new AssertionError("the mediator keeps its settings elsewhere now", e);
        }
    }
}
