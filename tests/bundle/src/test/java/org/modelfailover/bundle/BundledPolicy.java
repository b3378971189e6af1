package org.modelfailover.bundle;

import org.apache.synapse.ManagedLifecycle;
import org.apache.synapse.MessageContext;
import org.apache.synapse.core.SynapseEnvironment;
import org.apache.synapse.mediators.AbstractMediator;
import org.osgi.framework.Bundle;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;

/**
 * Stands for what Synapse makes of the policy's {@code <class>}: the bundle's mediator, found in
 * the bundle when the sequence is deployed and used from then on, whatever becomes of the bundle.
 */
public final class BundledPolicy extends AbstractMediator implements ManagedLifecycle {
    private static final String MEDIATOR = "org.modelfailover.synapse.ModelFailoverMediator";

    private static volatile Bundle bundle;

    private final AbstractMediator mediator;

    public BundledPolicy() throws Exception {
        Class<?> type = bundle.loadClass(MEDIATOR);
        mediator = (AbstractMediator) type.getDeclaredConstructor().newInstance();
    }

    static void comesFrom(Bundle from) {
        bundle = from;
    }

    static String xml(String failoverConfigs) {
        return "<class name=\""
                + BundledPolicy.class.getName()
                + "\"><property name=\"failoverConfigs\" value=\""
                + URLEncoder.encode(failoverConfigs, StandardCharsets.UTF_8)
                + "\"/></class>";
    }

    public void setFailoverConfigs(String value) throws Exception {
        mediator.getClass().getMethod("setFailoverConfigs", String.class).invoke(mediator, value);
    }

    @Override
    public void init(SynapseEnvironment environment) {
        ((ManagedLifecycle) mediator).init(environment);
    }

    @Override
    public boolean mediate(MessageContext synCtx) {
        return mediator.mediate(synCtx);
    }

    @Override
    public void destroy() {
        ((ManagedLifecycle) mediator).destroy();
    }

    @Override
    public boolean isContentAware() {
        return mediator.isContentAware();
    }
}
