package org.modelfailover.synapse;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.http.nio.NHttpServerConnection;
import org.apache.synapse.MessageContext;

import java.lang.reflect.Method;
import java.util.List;

/**
 * WSO2's engine. Its classes are not on Maven Central, so everything that only it has is found by
 * reflection, once.
 */
final class Wso2Engine extends Engine {
    private static final Log LOG = LogFactory.getLog(Wso2Engine.class);

    private final Class<?> responseState;
    private final Class<?> jsonUtil;
    private final Object tenantInitiator;
    private final Method releasePermit;

    Wso2Engine(Class<?> responseState) {
        this.responseState = responseState;
        jsonUtil = find("org.apache.synapse.commons.json.JsonUtil");
        tenantInitiator = tenantInitiator();
        releasePermit = releasePermit();
    }

    private static Class<?> find(String name) {
        try {
            return Class.forName(name, true, MessageContext.class.getClassLoader());
        } catch (ClassNotFoundException | LinkageError e) {
            LOG.debug("This engine has no " + name);
            return null;
        }
    }

    private static Object tenantInitiator() {
        Class<?> provider = find("org.apache.synapse.commons.util.ext.TenantInfoInitiatorProvider");
        try {
            return provider == null
                    ? null
                    : provider.getMethod("getTenantInfoInitiator").invoke(null);
        } catch (ReflectiveOperationException e) {
            LOG.warn("The tenant can't be set on worker threads", e);
            return null;
        }
    }

    private static Method releasePermit() {
        Class<?> throttling = find("org.apache.synapse.util.ConcurrencyThrottlingUtils");
        try {
            return throttling == null
                    ? null
                    : throttling.getMethod(
                            "decrementConcurrencyThrottleAccessController", MessageContext.class);
        } catch (NoSuchMethodException e) {
            return null;
        }
    }

    @Override
    byte[] jsonPayload(org.apache.axis2.context.MessageContext axis2) {
        if (jsonUtil == null) {
            return null;
        }
        try {
            Class<?> type = org.apache.axis2.context.MessageContext.class;
            Object has = jsonUtil.getMethod("hasAJsonPayload", type).invoke(null, axis2);
            return Boolean.TRUE.equals(has)
                    ? (byte[])
                            jsonUtil.getMethod("jsonPayloadToByteArray", type).invoke(null, axis2)
                    : null;
        } catch (ReflectiveOperationException e) {
            LOG.debug("The JSON body has to be written anew", e);
            return null;
        }
    }

    @Override
    void beforeSuspending(MessageContext request) {
        request.setProperty("CONTINUE_STATISTICS_FLOW", true);
        try {
            Object handlers = call(request.getEnvironment(), "getSynapseHandlers");
            for (Object handler : (List<?>) handlers) {
                call(
                        handler,
                        "handleRequestOutFlow",
                        new Class<?>[] {MessageContext.class},
                        request);
            }
        } catch (ReflectiveOperationException e) {
            LOG.debug("The engine's own handlers were not told of the request", e);
        }
    }

    @Override
    void sealResponse(MessageContext scratch) {
        try {
            Object answered = responseState.getConstructor().newInstance();
            call(answered, "setRespondDone");
            scratch.setProperty(Properties.RESPONSE_STATE, answered);
        } catch (ReflectiveOperationException e) {
            LOG.warn("A security mediator that fails may answer the client by itself", e);
        }
    }

    @Override
    void watch(NHttpServerConnection connection, Runnable ended) {
        // This one tells the pipe.
    }

    @Override
    void onWorker(String uri, MessageContext context, Runnable mediation) {
        if (tenantInitiator == null) {
            mediation.run();
            return;
        }
        try {
            call(tenantInitiator, "initTenantInfo", new Class<?>[] {String.class}, uri);
            Object configurator = call(context.getEnvironment(), "getTenantInfoConfigurator");
            if (configurator != null) {
                call(
                        configurator,
                        "applyTenantInfo",
                        new Class<?>[] {MessageContext.class},
                        context);
            }
        } catch (ReflectiveOperationException e) {
            LOG.warn("The tenant can't be set on a worker thread", e);
        }
        try {
            mediation.run();
        } finally {
            try {
                call(tenantInitiator, "cleanTenantInfo");
            } catch (ReflectiveOperationException e) {
                LOG.warn("The tenant can't be removed from a worker thread", e);
            }
        }
    }

    @Override
    void abandoned(MessageContext request) {
        try {
            if (releasePermit != null) {
                releasePermit.invoke(null, request);
            }
        } catch (ReflectiveOperationException e) {
            LOG.debug("A concurrency permit could not be given back", e);
        }
    }
}
