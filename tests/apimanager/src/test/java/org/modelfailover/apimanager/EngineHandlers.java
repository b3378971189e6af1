package org.modelfailover.apimanager;

import org.apache.synapse.MessageContext;
import org.apache.synapse.core.SynapseEnvironment;
import org.apache.synapse.mediators.AbstractMediator;
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

    /** Gives the request's environment the methods of one more interface. */
    static <T> void extend(MessageContext synCtx, Class<T> type, T additions) {
        SynapseEnvironment real = synCtx.getEnvironment();
        synCtx.setEnvironment(
                (SynapseEnvironment)
                        Proxy.newProxyInstance(
                                type.getClassLoader(),
                                new Class<?>[] {SynapseEnvironment.class, type},
                                (proxy, method, arguments) -> {
                                    try {
                                        return method.invoke(
                                                method.getDeclaringClass() == type
                                                        ? additions
                                                        : real,
                                                arguments);
                                    } catch (InvocationTargetException e) {
                                        throw e.getCause();
                                    }
                                }));
    }

    @Override
    public boolean mediate(MessageContext synCtx) {
        extend(synCtx, Extended.class, () -> List.of("another handler", new Recording()));
        return true;
    }

    @Override
    public boolean isContentAware() {
        return false;
    }
}
