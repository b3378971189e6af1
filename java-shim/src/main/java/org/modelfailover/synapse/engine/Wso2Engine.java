package org.modelfailover.synapse.engine;

import org.apache.axiom.om.OMElement;
import org.apache.axis2.context.ConfigurationContext;
import org.apache.axis2.engine.AxisConfiguration;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.http.nio.NHttpServerConnection;
import org.apache.synapse.MessageContext;
import org.apache.synapse.SynapseException;
import org.apache.synapse.core.SynapseEnvironment;
import org.apache.synapse.mediators.ListMediator;

import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * WSO2's engine. Its classes are not on Maven Central, so everything that only it has is found by
 * reflection, once.
 */
final class Wso2Engine extends Engine {
    private static final Log LOG = LogFactory.getLog(Wso2Engine.class);

    /** Where the engine's own workers put the correlation id of the request that they are on. */
    private static final String CORRELATION = "Correlation-ID";

    private static final Class<?>[] MESSAGE = {MessageContext.class};
    private static final Class<?>[] FROM = {MessageContext.class, int.class};
    private static final Class<?>[] NAME = {String.class};

    /** How far away the engine's handler is that tells a pipe of an error, in frames. */
    private static final int DEEPEST_CALLER = 10;

    private static final Class<?>[] VARIABLE = {String.class, Object.class};

    private static final String PASS_THROUGH = "org.apache.synapse.transport.passthru.config.";

    private static final String KEEP_STATISTICS_OPEN = "CONTINUE_STATISTICS_FLOW";

    private final Class<?> responseState;
    private final Object tenantInitiator;
    private final Method releasePermit;
    private final Method putInLogContext = logContext("put", String.class, String.class);
    private final Method removeFromLogContext = logContext("remove", String.class);
    private final Method correlationLogged = correlationLogged();
    private final String correlationHeader = findCorrelationHeader();

    Wso2Engine(Class<?> responseState) {
        this.responseState = responseState;
        tenantInitiator = tenantInitiator();
        releasePermit = releasePermit();
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

    private static Method logContext(String method, Class<?>... types) {
        Class<?> context = find("org.apache.logging.log4j.ThreadContext");
        try {
            return context == null ? null : context.getMethod(method, types);
        } catch (NoSuchMethodException e) {
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
    public void beforeSuspending(MessageContext request) {
        request.setProperty(KEEP_STATISTICS_OPEN, true);
        try {
            for (Object handler : synapseHandlers(request)) {
                call(handler, "handleRequestOutFlow", MESSAGE, request);
            }
        } catch (ReflectiveOperationException e) {
            LOG.debug("The engine's own handlers were not told of the request", e);
        }
    }

    /** Without it the engine would close the request's statistics when its worker leaves. */
    @Override
    public void beforePause(MessageContext request) {
        request.setProperty(KEEP_STATISTICS_OPEN, true);
    }

    @Override
    public void afterPause(MessageContext request) {
        request.getPropertyKeySet().remove(KEEP_STATISTICS_OPEN);
    }

    /** The list's own way, which also builds the body where a mediator asks for it. */
    @Override
    public boolean mediateFrom(ListMediator list, int next, MessageContext context) {
        try {
            return (boolean) call(list, "mediate", FROM, context, next);
        } catch (NoSuchMethodException e) {
            return super.mediateFrom(list, next, context);
        } catch (ReflectiveOperationException e) {
            throw new SynapseException("A sequence could not go on with a request", e);
        }
    }

    /**
     * A sequence and a branch also stand on the stack by which the answer to a {@code <call>} finds
     * its way back.
     */
    @Override
    public void leave(ListMediator list, boolean branch, MessageContext context) {
        Class<?> stack = find("org.apache.synapse.continuation.ContinuationStackManager");
        try {
            if (stack != null && branch) {
                stack.getMethod("removeReliantContinuationState", MESSAGE).invoke(null, context);
            } else if (stack != null) {
                Class<?> kind = find("org.apache.synapse.mediators.base.SequenceType");
                stack.getMethod("removeSeqContinuationState", MessageContext.class, kind)
                        .invoke(null, context, call(list, "getSequenceType"));
            }
        } catch (ReflectiveOperationException e) {
            LOG.warn("A call after this one may not find its way back", e);
        }
        super.leave(list, branch, context);
    }

    @Override
    public void acknowledge(Object worker, org.apache.axis2.context.MessageContext axis2)
            throws ReflectiveOperationException {
        Class<?>[] types = {org.apache.axis2.context.MessageContext.class};
        try {
            call(worker, "sendAck", types, axis2);
        } catch (NoSuchMethodException e) {
            super.acknowledge(worker, axis2);
        }
    }

    @Override
    public Map<String, Object> variables(MessageContext request) {
        Map<String, Object> variables = new HashMap<>();
        try {
            for (Object name : (Set<?>) call(request, "getVariableKeySet")) {
                variables.put((String) name, call(request, "getVariable", NAME, name));
            }
        } catch (ReflectiveOperationException e) {
            LOG.debug("This engine has no variables", e);
        }
        return variables;
    }

    @Override
    public void setVariables(MessageContext context, Map<String, Object> variables) {
        try {
            for (Map.Entry<String, Object> variable : variables.entrySet()) {
                call(context, "setVariable", VARIABLE, variable.getKey(), variable.getValue());
            }
        } catch (ReflectiveOperationException e) {
            LOG.warn("The variables of the request are missing in its answer", e);
        }
    }

    @Override
    public void sealResponse(MessageContext scratch) {
        try {
            Object answered = responseState.getConstructor().newInstance();
            call(answered, "setRespondDone");
            scratch.setProperty(Properties.RESPONSE_STATE, answered);
        } catch (ReflectiveOperationException e) {
            LOG.warn("A security mediator that fails may answer the client by itself", e);
        }
    }

    @Override
    public void watch(NHttpServerConnection connection, Runnable ended) {
        // This one tells the pipe.
    }

    @Override
    public void onWorker(
            String uri, Object correlation, MessageContext context, Runnable mediation) {
        correlate(correlation);
        if (tenantInitiator == null) {
            mediation.run();
            return;
        }
        try {
            call(tenantInitiator, "initTenantInfo", NAME, uri);
            Object configurator = call(context.getEnvironment(), "getTenantInfoConfigurator");
            if (configurator != null) {
                call(configurator, "applyTenantInfo", MESSAGE, context);
            }
        } catch (ReflectiveOperationException | RuntimeException e) {
            LOG.warn("The tenant can't be set on a worker thread", e);
        }
        try {
            mediation.run();
        } finally {
            try {
                call(tenantInitiator, "cleanTenantInfo");
            } catch (ReflectiveOperationException | RuntimeException e) {
                LOG.warn("The tenant can't be removed from a worker thread", e);
            }
        }
    }

    @Override
    public void correlated(Object correlation, Runnable work) {
        correlate(correlation);
        try {
            work.run();
        } finally {
            correlate(null);
        }
    }

    @Override
    public boolean isCorrelationLogged() {
        try {
            return correlationLogged != null && Boolean.TRUE.equals(correlationLogged.invoke(null));
        } catch (ReflectiveOperationException e) {
            LOG.debug("Whether correlation is logged is not known", e);
            return false;
        }
    }

    @Override
    public String correlationHeader() {
        return correlationHeader;
    }

    private static Method correlationLogged() {
        Class<?> configuration = find(PASS_THROUGH + "PassThroughCorrelationConfigDataHolder");
        try {
            return configuration == null ? null : configuration.getMethod("isEnable");
        } catch (NoSuchMethodException e) {
            return null;
        }
    }

    /** As the engine reads it: a name that can be configured, and can be forbidden. */
    private static String findCorrelationHeader() {
        String name = "activityid";
        Class<?> configuration = find(PASS_THROUGH + "PassThroughConfiguration");
        Class<?> constants = find("org.apache.synapse.commons.CorrelationConstants");
        try {
            if (constants != null) {
                Object property = constants.getField("RESTRICT_HEADERS_SYS_PROP").get(null);
                String restricted = System.getProperty((String) property, "");
                if (Arrays.asList(restricted.split(",")).contains(name)) {
                    return null;
                }
            }
            Object running = configuration.getMethod("getInstance").invoke(null);
            name = (String) call(running, "getCorrelationHeaderName");
        } catch (ReflectiveOperationException | RuntimeException e) {
            LOG.debug("The correlation id has its usual header", e);
        }
        return name;
    }

    /** For the log lines of this worker, which has that of the request before. */
    private void correlate(Object id) {
        if (putInLogContext == null) {
            return;
        }
        try {
            removeFromLogContext.invoke(null, CORRELATION);
            if (id instanceof String && !((String) id).isEmpty()) {
                putInLogContext.invoke(null, CORRELATION, id);
            }
        } catch (ReflectiveOperationException | RuntimeException e) {
            LOG.debug("The correlation id can't be set on a worker thread", e);
        }
    }

    /** A tenant's own senders lead to those of the server. */
    @Override
    public AxisConfiguration transports(SynapseEnvironment environment) {
        Class<?> server = find("org.wso2.carbon.core.CarbonConfigurationContextFactory");
        try {
            Object context =
                    server == null
                            ? null
                            : server.getMethod("getConfigurationContext").invoke(null);
            return context == null
                    ? super.transports(environment)
                    : ((ConfigurationContext) context).getAxisConfiguration();
        } catch (ReflectiveOperationException e) {
            LOG.warn("The server's transport senders were not found, the tenant's count", e);
            return super.transports(environment);
        }
    }

    @Override
    public Function<OMElement, String> secrets(AxisConfiguration configuration) {
        try {
            return secretsBy(call(configuration, "getSecretResolver"));
        } catch (ReflectiveOperationException e) {
            LOG.warn("Passwords in axis2.xml are taken as they stand there", e);
            return super.secrets(configuration);
        }
    }

    @Override
    public Function<OMElement, String> secretsOf(OMElement document) {
        Class<?> placeholders = find("org.apache.axis2.deployment.util.Utils");
        Class<?> factory = find("org.wso2.securevault.SecretResolverFactory");
        try {
            if (placeholders != null) {
                placeholders
                        .getMethod("resolveOMElementChildValues", OMElement.class)
                        .invoke(null, document);
            }
        } catch (ReflectiveOperationException e) {
            LOG.debug("This engine fills no placeholders in SSL profiles", e);
        }
        try {
            Class<?>[] types = {OMElement.class, boolean.class};
            return factory == null
                    ? super.secretsOf(document)
                    : secretsBy(factory.getMethod("create", types).invoke(null, document, true));
        } catch (ReflectiveOperationException e) {
            LOG.warn("Passwords in SSL profiles are taken as they stand there", e);
            return super.secretsOf(document);
        }
    }

    private static Function<OMElement, String> secretsBy(Object resolver)
            throws ReflectiveOperationException {
        Class<?> vault = find("org.wso2.securevault.commons.MiscellaneousUtil");
        Class<?> type = find("org.wso2.securevault.SecretResolver");
        if (vault == null || type == null || resolver == null) {
            return OMElement::getText;
        }
        Method resolve = vault.getMethod("resolve", OMElement.class, type);
        return element -> {
            try {
                return (String) resolve.invoke(null, element, resolver);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("a password can't be resolved", e);
            }
        };
    }

    /**
     * When the server stops, this engine waits for as many requests as it has seen begin and not
     * end. An error on a connection ends its request without being counted, unlike a time-out.
     */
    @Override
    public void unserved(Object metrics) {
        boolean counted =
                StackWalker.getInstance()
                        .walk(frames -> frames.limit(DEEPEST_CALLER).anyMatch(this::isTimeout));
        if (counted) {
            return;
        }
        try {
            call(metrics, "exceptionOccured");
        } catch (ReflectiveOperationException e) {
            LOG.debug("This engine does not count its requests", e);
        }
    }

    private boolean isTimeout(StackWalker.StackFrame frame) {
        return frame.getMethodName().equals("timeout")
                && frame.getClassName().endsWith("SourceHandler");
    }

    @Override
    public void abandoned(MessageContext request) {
        try {
            if (releasePermit != null) {
                releasePermit.invoke(null, request);
            }
        } catch (ReflectiveOperationException e) {
            LOG.debug("A concurrency permit could not be given back", e);
        }
    }
}
