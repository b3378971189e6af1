package org.modelfailover.synapse;

import org.apache.axiom.om.OMElement;
import org.apache.axis2.engine.AxisConfiguration;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.http.nio.NHttpServerConnection;
import org.apache.synapse.MessageContext;
import org.apache.synapse.core.SynapseEnvironment;
import org.apache.synapse.core.axis2.Axis2SynapseEnvironment;
import org.apache.synapse.rest.Handler;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * What the two Synapse engines do differently. This class is Apache's; {@link Wso2Engine} is loaded
 * only where WSO2's is found.
 */
class Engine {
    private static final Log LOG = LogFactory.getLog(Engine.class);
    private static final Engine RUNNING = detect();

    private static Engine detect() {
        try {
            Class<?> marker =
                    Class.forName(
                            "org.apache.synapse.core.axis2.ResponseState",
                            false,
                            MessageContext.class.getClassLoader());
            return new Wso2Engine(marker);
        } catch (ClassNotFoundException e) {
            return new Engine();
        }
    }

    /** The engine that this runs in. */
    static Engine of() {
        return RUNNING;
    }

    /** WSO2's keeper of JSON bodies, or null. */
    final Class<?> jsonUtil = find("org.apache.synapse.commons.json.JsonUtil");

    /** A class of the host's, or null. */
    static Class<?> find(String name) {
        try {
            return Class.forName(name, true, MessageContext.class.getClassLoader());
        } catch (ClassNotFoundException | LinkageError e) {
            LOG.debug("This engine has no " + name);
            return null;
        }
    }

    /**
     * Makes a context hold a JSON body, for who reads it there.
     *
     * @return whether it does
     */
    final boolean putJson(org.apache.axis2.context.MessageContext axis2, byte[] body) {
        if (jsonUtil == null) {
            return false;
        }
        try {
            Class<?> type = org.apache.axis2.context.MessageContext.class;
            Object json =
                    jsonUtil.getMethod(
                                    "getNewJsonPayload",
                                    type,
                                    InputStream.class,
                                    boolean.class,
                                    boolean.class)
                            .invoke(null, axis2, new ByteArrayInputStream(body), true, true);
            return json != null;
        } catch (ReflectiveOperationException e) {
            LOG.warn("A JSON body could not be given to a security mediator", e);
            return false;
        }
    }

    /** The original bytes of a JSON body that the engine has built, or null when it keeps none. */
    byte[] jsonPayload(org.apache.axis2.context.MessageContext axis2) {
        return null;
    }

    /** Called on the request's own thread before it is given back. */
    void beforeSuspending(MessageContext request) {}

    /**
     * The variables that mediators have set on a request, for {@link #setVariables}; only WSO2's
     * has such.
     */
    Map<String, Object> variables(MessageContext request) {
        return Map.of();
    }

    /** Sets variables on another context of the same request. */
    void setVariables(MessageContext context, Map<String, Object> variables) {}

    /** Makes a context that security mediators may answer without a client seeing it. */
    void sealResponse(MessageContext scratch) {}

    /**
     * Runs mediation on a worker with what the engine's own response threads have set.
     *
     * @param uri the request's URI, by which the tenant is found
     */
    void onWorker(String uri, MessageContext context, Runnable mediation) {
        mediation.run();
    }

    /**
     * The configuration that holds the transport senders by which endpoints are called, whatever
     * tenant the environment belongs to; null when it is not known.
     */
    AxisConfiguration transports(SynapseEnvironment environment) {
        return environment instanceof Axis2SynapseEnvironment
                ? ((Axis2SynapseEnvironment) environment)
                        .getAxis2ConfigurationContext()
                        .getAxisConfiguration()
                : null;
    }

    /** Reads passwords in {@code axis2.xml}: the engine may keep them elsewhere. */
    Function<OMElement, String> secrets(AxisConfiguration configuration) {
        return OMElement::getText;
    }

    /** The same for another document. */
    Function<OMElement, String> secretsOf(OMElement document) {
        return OMElement::getText;
    }

    /** A request that was suspended will never be answered. */
    void abandoned(MessageContext request) {}

    /**
     * Runs something when the engine is through with the request that is on a connection now, where
     * it does not tell the pipe of the answer that its client left.
     */
    void watch(NHttpServerConnection connection, Runnable ended) {
        WatchedContext.watch(connection, ended);
    }

    /**
     * The name of any resource of the API that the message is in: the engine looks for the response
     * side of it. Null when the message is in no API.
     */
    final String resourceName(MessageContext context) {
        try {
            Object resource = resource(context);
            return resource == null ? null : (String) call(resource, "getName");
        } catch (ReflectiveOperationException e) {
            LOG.error("This Synapse engine keeps its APIs in a way that is not known here", e);
            return null;
        }
    }

    /**
     * Lets the API's own fault sequence answer. The engine does so itself when it has chosen a
     * resource, which it has not yet where policies run.
     */
    final void registerFaultHandler(MessageContext context) {
        if (context.getProperty(Properties.RESOURCE) != null) {
            return;
        }
        try {
            Object resource = resource(context);
            if (resource != null) {
                Class<?>[] types = {MessageContext.class};
                call(resource, "registerFaultHandler", types, context);
            }
        } catch (ReflectiveOperationException e) {
            LOG.warn("The fault sequence of the API was not found, the global one answers", e);
        }
    }

    private static Object resource(MessageContext context) throws ReflectiveOperationException {
        Object[] resources = resources(context);
        return resources.length == 0 ? null : resources[0];
    }

    /** The resources of the API that the message is in; none when it is in no API. */
    static Object[] resources(MessageContext context) throws ReflectiveOperationException {
        Object api = api(context);
        return api == null ? new Object[0] : (Object[]) call(api, "getResources");
    }

    /** The handlers of the API that the message is in. */
    final List<Handler> handlers(MessageContext context) {
        try {
            Object api = api(context);
            return api == null ? List.of() : Arrays.asList((Handler[]) call(api, "getHandlers"));
        } catch (ReflectiveOperationException e) {
            LOG.error("The handlers of the API were not found", e);
            return List.of();
        }
    }

    /**
     * Those headers in which the API's clients carry credentials for the gateway, where they are
     * others than usual: as the handler that reads them was told. It takes out only what it has
     * used itself.
     */
    final Set<String> credentialHeaders(MessageContext context) {
        Set<String> names = new HashSet<>();
        for (Handler handler : handlers(context)) {
            for (String getter : new String[] {"getAuthorizationHeader", "getApiKeyHeader"}) {
                try {
                    Object name = call(handler, getter);
                    // Of this one nobody knows for whom it is.
                    if (name != null && !"Authorization".equalsIgnoreCase(name.toString())) {
                        names.add(name.toString());
                    }
                } catch (ReflectiveOperationException | LinkageError e) {
                    LOG.trace("No handler that authenticates", e);
                }
            }
        }
        return names;
    }

    private static Object api(MessageContext context) throws ReflectiveOperationException {
        Object api = context.getProperty(Properties.PROCESSED_API);
        Object name = context.getProperty(Properties.REST_API);
        if (api == null && name != null) {
            Class<?>[] types = {String.class};
            api = call(context.getConfiguration(), "getAPI", types, name);
        }
        return api;
    }

    /** The engine's own handlers, which see every message; Apache's has none. */
    final List<?> synapseHandlers(MessageContext context) {
        try {
            return (List<?>) call(context.getEnvironment(), "getSynapseHandlers");
        } catch (ReflectiveOperationException e) {
            LOG.debug("The engine's own handlers were not found", e);
            return List.of();
        }
    }

    private static final Class<?>[] NOTHING = {};
    private static final ConcurrentMap<String, Method> METHODS = new ConcurrentHashMap<>();

    private static Method find(Class<?> type, String name, Class<?>[] types)
            throws NoSuchMethodException {
        try {
            Method method = type.getMethod(name, types);
            // A public method may be one of a class that is not.
            method.trySetAccessible();
            return method;
        } catch (NoSuchMethodException e) {
            for (Class<?> at = type; at != null; at = at.getSuperclass()) {
                for (Method method : at.getDeclaredMethods()) {
                    if (method.getName().equals(name)
                            && Arrays.equals(method.getParameterTypes(), types)) {
                        method.setAccessible(true);
                        return method;
                    }
                }
            }
            throw e;
        }
    }

    /**
     * Calls a method that the engines have in different classes, with different visibility, or not
     * at all.
     */
    static Object call(Object target, String name, Class<?>[] types, Object... arguments)
            throws ReflectiveOperationException {
        Class<?> type = target.getClass();
        String key = type.getName() + "#" + name + (types.length == 0 ? "" : named(types));
        Method method = METHODS.get(key);
        if (method == null || !method.getDeclaringClass().isAssignableFrom(type)) {
            method = find(type, name, types);
            METHODS.put(key, method);
        }
        try {
            return method.invoke(target, arguments);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof RuntimeException) {
                throw (RuntimeException) e.getCause();
            }
            throw e;
        }
    }

    private static String named(Class<?>[] types) {
        return Arrays.stream(types).map(Class::getName).collect(Collectors.joining(",", "(", ")"));
    }

    static Object call(Object target, String name) throws ReflectiveOperationException {
        return call(target, name, NOTHING);
    }
}
