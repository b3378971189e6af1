package org.modelfailover.gateway;

import org.apache.synapse.ManagedLifecycle;
import org.apache.synapse.MessageContext;
import org.apache.synapse.core.SynapseEnvironment;
import org.apache.synapse.mediators.AbstractMediator;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A policy that passes everything on and writes down what it saw; {@code label} tells two apart.
 */
public final class ProbePolicy extends AbstractMediator implements ManagedLifecycle {
    static final List<String> LIFE = new CopyOnWriteArrayList<>();
    static final List<Map<String, Object>> SEEN = new CopyOnWriteArrayList<>();

    private String label = "probe";
    private String failure;

    static String xml(String label) {
        return "<class name=\"org.modelfailover.gateway.ProbePolicy\">"
                + "<property name=\"label\" value=\""
                + label
                + "\"/></class>";
    }

    static void forget() {
        LIFE.clear();
        SEEN.clear();
    }

    @Override
    public void init(SynapseEnvironment environment) {
        LIFE.add("init " + label + " " + System.getProperty(EmbeddedGateway.SETTINGS_PROPERTY));
    }

    @Override
    public void destroy() {
        LIFE.add("destroy " + label);
    }

    @Override
    public boolean mediate(MessageContext synCtx) {
        Map<String, Object> seen = new TreeMap<>();
        for (Object key : synCtx.getPropertyKeySet()) {
            seen.put(key.toString(), synCtx.getProperty(key.toString()));
        }
        seen.put("label", label);
        seen.put("fault handlers", synCtx.getFaultStack().size());
        SEEN.add(seen);
        if (failure != null) {
            throw new IllegalStateException(failure);
        }
        return true;
    }

    @Override
    public boolean isContentAware() {
        return false;
    }

    public void setLabel(String label) {
        this.label = label;
    }

    public void setFailure(String failure) {
        this.failure = failure;
    }
}
