package org.modelfailover.synapse;

import org.apache.synapse.ManagedLifecycle;
import org.apache.synapse.MessageContext;
import org.apache.synapse.core.SynapseEnvironment;
import org.apache.synapse.mediators.AbstractMediator;
import org.modelfailover.synapse.api.CompanionSettings;
import org.modelfailover.synapse.engine.Properties;

/**
 * The class mediator of the companion policy: says on each request which settings hold for a Model
 * Failover policy that comes after it, and does nothing else.
 */
public final class ModelFailoverSettingsMediator extends AbstractMediator
        implements ManagedLifecycle {
    private CompanionSettings settings = CompanionSettings.NONE;

    /**
     * Sets what was filled in, as the template carries it: {@code name=value} pairs with {@code &}
     * between them, values URL-encoded; an empty one is not set.
     */
    public void setSettings(String value) {
        settings = CompanionSettings.of(value);
    }

    @Override
    public void init(SynapseEnvironment environment) {
        settings.check(environment.getSynapseConfiguration(), this);
    }

    @Override
    public void destroy() {}

    @Override
    public boolean isContentAware() {
        return false;
    }

    @Override
    public boolean mediate(MessageContext synCtx) {
        if (!synCtx.isResponse()) {
            synCtx.setProperty(Properties.SETTINGS, settings.text);
        }
        return true;
    }
}
