package org.modelfailover.gateway.host;

import org.apache.axiom.om.OMElement;
import org.apache.synapse.Mediator;
import org.apache.synapse.SynapseException;
import org.apache.synapse.config.xml.AbstractMediatorFactory;
import org.apache.synapse.config.xml.XMLConfigConstants;
import org.apache.synapse.config.xml.endpoints.EndpointFactory;

import java.util.Properties;

import javax.xml.namespace.QName;

/**
 * Reads {@code <call><endpoint …/></call>}, with an attribute {@code resume} for the sequence that
 * stands for what follows; found through {@code META-INF/services}.
 */
public final class CallMediatorFactory extends AbstractMediatorFactory {
    private static final QName CALL = new QName(XMLConfigConstants.SYNAPSE_NAMESPACE, "call");
    private static final QName ENDPOINT =
            new QName(XMLConfigConstants.SYNAPSE_NAMESPACE, "endpoint");

    private static final QName RESUME = new QName("resume");

    @Override
    protected Mediator createSpecificMediator(OMElement element, Properties properties) {
        OMElement endpoint = element.getFirstChildWithName(ENDPOINT);
        if (endpoint == null) {
            throw new SynapseException("<call> without <endpoint> is not supported here");
        }
        CallMediator mediator =
                new CallMediator(
                        EndpointFactory.getEndpointFromElement(endpoint, true, properties),
                        element.getAttributeValue(RESUME));
        processAuditStatus(mediator, element);
        return mediator;
    }

    @Override
    public QName getTagQName() {
        return CALL;
    }
}
