package org.modelfailover.synapse.engine;

import org.apache.axiom.om.OMElement;
import org.apache.axis2.Constants;
import org.apache.axis2.engine.AxisConfiguration;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.http.nio.NHttpServerConnection;
import org.apache.synapse.FaultHandler;
import org.apache.synapse.Mediator;
import org.apache.synapse.MessageContext;
import org.apache.synapse.SynapseException;
import org.apache.synapse.core.SynapseEnvironment;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.core.axis2.Axis2SynapseEnvironment;
import org.apache.synapse.mediators.ListMediator;
import org.apache.synapse.mediators.MediatorFaultHandler;
import org.apache.synapse.mediators.base.SequenceMediator;
import org.apache.synapse.rest.Handler;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.Stack;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * What the two Synapse engines do differently. This class is Apache's; {@link Wso2Engine} is loaded
 * only where WSO2's is found.
 */
public class Engine {
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
    public static Engine of() {
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
    public final boolean putJson(org.apache.axis2.context.MessageContext axis2, byte[] body) {
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
    public byte[] jsonPayload(org.apache.axis2.context.MessageContext axis2) {
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

    /** Called on the request's own thread before it is given back. */
    public void beforeSuspending(MessageContext request) {}

    /**
     * The variables that mediators have set on a request, for {@link #setVariables}; only WSO2's
     * has such.
     */
    public Map<String, Object> variables(MessageContext request) {
        return Map.of();
    }

    /** Sets variables on another context of the same request. */
    public void setVariables(MessageContext context, Map<String, Object> variables) {}

    /** Makes a context that security mediators may answer without a client seeing it. */
    public void sealResponse(MessageContext scratch) {}

    /**
     * Runs mediation on a worker with what the engine's own response threads have set.
     *
     * @param uri the request's URI, by which the tenant is found
     * @param correlation the request's correlation id, or null
     */
    public void onWorker(
            String uri, Object correlation, MessageContext context, Runnable mediation) {
        mediation.run();
    }

    /**
     * Does something short on a thread that is nobody's, such as to log, with a request's
     * correlation id.
     */
    public void correlated(Object correlation, Runnable work) {
        work.run();
    }

    /** Whether the engine writes its correlation log. */
    public boolean isCorrelationLogged() {
        return false;
    }

    /** The header in which the engine tells a client the correlation id, or null: in none. */
    public String correlationHeader() {
        return null;
    }

    /**
     * The configuration that holds the transport senders by which endpoints are called, whatever
     * tenant the environment belongs to; null when it is not known.
     */
    public AxisConfiguration transports(SynapseEnvironment environment) {
        return environment instanceof Axis2SynapseEnvironment
                ? ((Axis2SynapseEnvironment) environment)
                        .getAxis2ConfigurationContext()
                        .getAxisConfiguration()
                : null;
    }

    /** Reads passwords in {@code axis2.xml}: the engine may keep them elsewhere. */
    public Function<OMElement, String> secrets(AxisConfiguration configuration) {
        return OMElement::getText;
    }

    /** The same for another document. */
    public Function<OMElement, String> secretsOf(OMElement document) {
        return OMElement::getText;
    }

    /**
     * The engine closes the connection of a client whose answer is not complete.
     *
     * @param metrics the transport's own
     */
    public void unserved(Object metrics) {}

    /** A request that was suspended will never be answered. */
    public void abandoned(MessageContext request) {}

    /**
     * Runs something when the engine is through with the request that is on a connection now, where
     * it does not tell the pipe of the answer that its client left.
     */
    public void watch(NHttpServerConnection connection, Runnable ended) {
        WatchedContext.watch(connection, ended);
    }

    /**
     * The name of any resource of the API that the message is in: the engine looks for the response
     * side of it. Null when the message is in no API.
     */
    public final String resourceName(MessageContext context) {
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
    public static Object[] resources(MessageContext context) throws ReflectiveOperationException {
        Object api = api(context);
        return api == null ? new Object[0] : (Object[]) call(api, "getResources");
    }

    /** The handlers of the API that the message is in. */
    public final List<Handler> handlers(MessageContext context) {
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
     * others than usual: as the handler that reads them was told, and found in any case. It takes
     * out only what it has used itself.
     */
    public final Set<String> credentialHeaders(MessageContext context) {
        Set<String> names = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
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

    /** Called on the worker that a request gives back while its body is still coming. */
    public void beforePause(MessageContext request) {}

    /** Called on the worker that goes on with such a request. */
    public void afterPause(MessageContext request) {}

    /**
     * Runs the mediators of a list from one on.
     *
     * @return whether the flow goes on behind the list
     */
    public boolean mediateFrom(ListMediator list, int next, MessageContext context) {
        List<Mediator> children = list.getList();
        for (int i = next; i < children.size(); i++) {
            if (!children.get(i).mediate(context)) {
                return false;
            }
        }
        return true;
    }

    /**
     * Does what a list's holder does when the flow has passed it.
     *
     * @param branch whether the list is a branch of a mediator, or a sequence
     */
    public void leave(ListMediator list, boolean branch, MessageContext context) {
        if (branch || !(list instanceof SequenceMediator)) {
            return;
        }
        String name = ((SequenceMediator) list).getErrorHandler();
        Stack<FaultHandler> stack = context.getFaultStack();
        if (name == null || stack.isEmpty() || !(stack.peek() instanceof MediatorFaultHandler)) {
            return;
        }
        Mediator handler = context.getSequence(name);
        if (handler != null
                && handler.equals(((MediatorFaultHandler) stack.peek()).getFaultMediator())) {
            stack.pop();
        }
    }

    /**
     * Lets an API process a request from the middle of its handlers on. All that follows is the
     * API's own code: a copy of it has the handlers that are left.
     *
     * @param handlers those that have not seen the request
     */
    public final void process(Object api, List<Handler> handlers, MessageContext context) {
        org.apache.axis2.context.MessageContext axis2 =
                ((Axis2MessageContext) context).getAxis2MessageContext();
        try {
            List<Handler> left = new ArrayList<>();
            left.add(
                    new Restoring(
                            context.getProperty(Properties.PROCESSED_API),
                            axis2.getProperty(Properties.URL_POSTFIX)));
            left.addAll(handlers);
            Class<?>[] types = {MessageContext.class};
            call(copy(api, left), "process", types, context);
        } catch (ReflectiveOperationException e) {
            throw new SynapseException("The API could not go on with a request", e);
        }
    }

    /** An API sets these anew before its handlers, and what they have set would be lost. */
    private static final class Restoring implements Handler {
        private final Object api;
        private final Object postfix;

        Restoring(Object api, Object postfix) {
            this.api = api;
            this.postfix = postfix;
        }

        @Override
        public boolean handleRequest(MessageContext context) {
            if (api != null) {
                context.setProperty(Properties.PROCESSED_API, api);
            }
            ((Axis2MessageContext) context)
                    .getAxis2MessageContext()
                    .setProperty(Properties.URL_POSTFIX, postfix);
            return true;
        }

        @Override
        public boolean handleResponse(MessageContext context) {
            return true;
        }
    }

    private static Object copy(Object api, List<Handler> handlers)
            throws ReflectiveOperationException {
        Object copy =
                api.getClass()
                        .getConstructor(String.class, String.class)
                        .newInstance(call(api, "getAPIName"), call(api, "getContext"));
        for (Class<?> type = api.getClass(); type != null; type = type.getSuperclass()) {
            for (Field field : type.getDeclaredFields()) {
                if (!Modifier.isStatic(field.getModifiers())) {
                    field.setAccessible(true);
                    boolean replaced = field.getName().equals("handlers");
                    field.set(copy, replaced ? handlers : field.get(api));
                }
            }
        }
        return copy;
    }

    /**
     * Does what the engine does when a request's flow has ended on its worker: answers it with 202,
     * or as a mediator has asked for, where nobody else will.
     */
    public final void acknowledge(org.apache.axis2.context.MessageContext axis2) {
        Object worker = axis2.getProperty(Constants.OUT_TRANSPORT_INFO);
        try {
            acknowledge(worker, axis2);
        } catch (ReflectiveOperationException e) {
            LOG.error("A request that no mediator answered is not answered at all", e);
        }
    }

    void acknowledge(Object worker, org.apache.axis2.context.MessageContext axis2)
            throws ReflectiveOperationException {
        call(worker, "sendAck");
    }

    /** The API that the message is in, or null. */
    public static Object api(MessageContext context) throws ReflectiveOperationException {
        Object api = context.getProperty(Properties.PROCESSED_API);
        Object name = context.getProperty(Properties.REST_API);
        if (api == null && name != null) {
            Class<?>[] types = {String.class};
            api = call(context.getConfiguration(), "getAPI", types, name);
        }
        return api;
    }

    /** The engine's own handlers, which see every message; Apache's has none. */
    public final List<?> synapseHandlers(MessageContext context) {
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
    public static Object call(Object target, String name, Class<?>[] types, Object... arguments)
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

    public static Object call(Object target, String name) throws ReflectiveOperationException {
        return call(target, name, NOTHING);
    }
}
