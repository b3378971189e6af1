package org.modelfailover.gateway;

import org.apache.synapse.MessageContext;
import org.apache.synapse.core.SynapseEnvironment;
import org.apache.synapse.mediators.AbstractMediator;
import org.modelfailover.apimanager.Analytics;
import org.wso2.carbon.apimgt.gateway.handlers.analytics.AnalyticsMetricsHandler;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A policy that gives the request an engine with handlers of its own, as WSO2's has them: one, the
 * host's analytics, which writes down what it would publish.
 */
public final class EngineHandlers extends AbstractMediator {
    /** What only WSO2's environment has. */
    public interface Extended {
        List<?> getSynapseHandlers();
    }

    /** The host's own class, but for where the event goes. */
    public static final class Recording extends AnalyticsMetricsHandler {
        @Override
        public boolean handleResponseOutFlow(MessageContext synCtx) {
            Object skip = synCtx.getProperty("SKIP_METRICS_PUBLISHING");
            if (skip == null || !(Boolean) skip) {
                PUBLISHED.add(Analytics.of(synCtx));
            }
            return true;
        }
    }

    static final List<Analytics> PUBLISHED = new CopyOnWriteArrayList<>();

    static String xml() {
        return "<class name=\"" + EngineHandlers.class.getName() + "\"/>";
    }

    @Override
    public boolean mediate(MessageContext synCtx) {
        SynapseEnvironment real = synCtx.getEnvironment();
        Extended handlers = () -> List.of("another handler", new Recording());
        synCtx.setEnvironment(
                (SynapseEnvironment)
                        Proxy.newProxyInstance(
                                getClass().getClassLoader(),
                                new Class<?>[] {SynapseEnvironment.class, Extended.class},
                                (proxy, method, arguments) -> {
                                    try {
                                        return method.invoke(
                                                method.getDeclaringClass() == Extended.class
                                                        ? handlers
                                                        : real,
                                                arguments);
                                    } catch (InvocationTargetException e) {
                                        throw e.getCause();
                                    }
                                }));
        return true;
    }

    @Override
    public boolean isContentAware() {
        return false;
    }
}
