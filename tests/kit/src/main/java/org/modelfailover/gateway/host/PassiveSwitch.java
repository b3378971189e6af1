package org.modelfailover.gateway.host;

import org.apache.synapse.config.xml.SwitchCase;
import org.apache.synapse.mediators.filters.SwitchMediator;

/**
 * Stands for {@code <switch>} of WSO2's Synapse, which asks its source expression whether it needs
 * the content. Synapse 3.0.1's always says yes, and its list mediator then builds every message
 * that comes past, so that no request would reach a provider byte for byte.
 */
public final class PassiveSwitch extends SwitchMediator {
    PassiveSwitch(SwitchMediator read) {
        setSource(read.getSource());
        for (SwitchCase one : read.getCases()) {
            addCase(one);
        }
        setDefaultCase(read.getDefaultCase());
    }

    @Override
    public boolean isContentAware() {
        return getSource().isContentAware();
    }
}
