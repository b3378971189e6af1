package org.modelfailover.gateway.host;

import org.apache.axiom.om.OMElement;
import org.apache.synapse.Mediator;
import org.apache.synapse.config.xml.AbstractMediatorFactory;
import org.apache.synapse.config.xml.SwitchMediatorFactory;
import org.apache.synapse.mediators.filters.SwitchMediator;

import java.util.Properties;

import javax.xml.namespace.QName;

/** Reads {@code <switch>} into a {@link PassiveSwitch}; replaces Synapse's own factory. */
public final class PassiveSwitchFactory extends AbstractMediatorFactory {
    private final SwitchMediatorFactory original = new SwitchMediatorFactory();

    @Override
    protected Mediator createSpecificMediator(OMElement element, Properties properties) {
        return new PassiveSwitch((SwitchMediator) original.createMediator(element, properties));
    }

    @Override
    public QName getTagQName() {
        return original.getTagQName();
    }
}
