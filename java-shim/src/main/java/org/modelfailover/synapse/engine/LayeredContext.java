package org.modelfailover.synapse.engine;

import org.apache.axis2.context.MessageContext;
import org.apache.synapse.SynapseConstants;
import org.apache.synapse.config.SynapseConfiguration;
import org.apache.synapse.core.SynapseEnvironment;
import org.apache.synapse.core.axis2.Axis2MessageContext;

import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * A context that has the properties of a request without a copy of them: API Manager sets some
 * sixty, and a request has a context for each candidate and one for its answer. Only who asks for
 * all of them, or takes one out, has them copied.
 */
public final class LayeredContext extends Axis2MessageContext {
    private final Map<String, Object> below;
    private boolean copied;

    /**
     * @param below the request's properties, which nobody changes any more
     */
    public LayeredContext(
            MessageContext context,
            SynapseConfiguration configuration,
            SynapseEnvironment environment,
            Map<String, Object> below) {
        super(context, configuration, environment);
        this.below = below;
        if (below.containsKey(SynapseConstants.RESPONSE)) {
            // The engine reads that one from its own map.
            copy();
        }
    }

    @Override
    public Object getProperty(String key) {
        Object own = super.getProperty(key);
        return own != null || copied ? own : below.get(key);
    }

    /** The engine removes properties from this set. */
    @Override
    public Set<?> getPropertyKeySet() {
        copy();
        return super.getPropertyKeySet();
    }

    /** All of them; only WSO2's engine has this method. */
    public Map<String, Object> getProperties() {
        Map<String, Object> all = new HashMap<>(below.size() * 2);
        for (Object key : getPropertyKeySet()) {
            all.put((String) key, getProperty((String) key));
        }
        return Collections.unmodifiableMap(all);
    }

    private void copy() {
        if (copied) {
            return;
        }
        copied = true;
        below.forEach(
                (key, value) -> {
                    if (super.getProperty(key) == null) {
                        setProperty(key, value);
                    }
                });
    }
}
