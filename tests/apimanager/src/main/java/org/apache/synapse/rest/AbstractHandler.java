package org.apache.synapse.rest;

import java.util.HashMap;
import java.util.Map;

/**
 * Stands for WSO2's class of this name, which Synapse 3.0.1 lacks and which API Manager's handlers
 * extend.
 */
public abstract class AbstractHandler implements Handler {
    protected final Map<String, Object> properties = new HashMap<>();

    public void addProperty(String name, Object value) {
        properties.put(name, value);
    }

    /** What was added. */
    public Map<String, Object> getProperties() {
        return properties;
    }
}
