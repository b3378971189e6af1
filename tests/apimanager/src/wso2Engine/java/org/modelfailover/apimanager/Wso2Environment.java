package org.modelfailover.apimanager;

import org.apache.synapse.MessageContext;
import org.apache.synapse.carbonext.TenantInfoConfigurator;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.mediators.AbstractMediator;

import java.util.List;
import java.util.Map;

/** A policy that gives the request the environment of WSO2's engine. */
public final class Wso2Environment extends AbstractMediator {
    /** What only that one has. */
    public interface Additions {
        List<?> getSynapseHandlers();

        TenantInfoConfigurator getTenantInfoConfigurator();
    }

    private static final Additions ADDITIONS =
            new Additions() {
                @Override
                public List<?> getSynapseHandlers() {
                    return List.of(new EngineHandlers.Recording());
                }

                @Override
                public TenantInfoConfigurator getTenantInfoConfigurator() {
                    return new Recording();
                }
            };

    /** Public, as the host's is. */
    public static final class Recording implements TenantInfoConfigurator {
        @Override
        public boolean extractTenantInfo(MessageContext in) {
            return true;
        }

        @Override
        public boolean applyTenantInfo(MessageContext out) {
            EngineCalls.add("apply");
            return true;
        }
    }

    static String xml() {
        return "<class name=\"" + Wso2Environment.class.getName() + "\"/>";
    }

    @Override
    public boolean mediate(MessageContext synCtx) {
        EngineHandlers.extend(synCtx, Additions.class, ADDITIONS);
        correlate(((Axis2MessageContext) synCtx).getAxis2MessageContext());
        return true;
    }

    /** As the transport of WSO2's engine does with the id that a client gives a request. */
    private static void correlate(org.apache.axis2.context.MessageContext axis2) {
        Map<?, ?> headers =
                (Map<?, ?>)
                        axis2.getProperty(
                                org.apache.axis2.context.MessageContext.TRANSPORT_HEADERS);
        if (headers.get("activityid") != null) {
            axis2.setProperty("correlation_id", headers.get("activityid"));
        }
    }

    @Override
    public boolean isContentAware() {
        return false;
    }
}
