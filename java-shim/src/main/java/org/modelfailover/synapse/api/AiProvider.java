package org.modelfailover.synapse.api;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.synapse.Mediator;
import org.apache.synapse.MessageContext;
import org.apache.synapse.mediators.base.SequenceMediator;
import org.apache.synapse.mediators.builtin.PropertyMediator;
import org.modelfailover.synapse.engine.Engine;

import java.util.ArrayList;
import java.util.List;

/**
 * What the gateway knows of the AI service provider that an API names: where a request of it has
 * the model, and where an answer says what it has used.
 *
 * <p>API Manager keeps that in a class that its bundle does not export, and replaces it while APIs
 * are deployed when an administrator changes a provider.
 */
final class AiProvider {
    private static final Log LOG = LogFactory.getLog(AiProvider.class);
    private static final String GATEWAY = "org.wso2.carbon.apimgt.gateway.";
    private static final Class<?>[] TEXT = {String.class};

    /** How long what was found counts, in nanoseconds. */
    private static final long LOOK_AGAIN = 1_000_000_000L;

    /** What the API calls it, or null when it names none. */
    private final String id;

    private final Object known;
    private volatile long looked;

    private AiProvider(String id) {
        this.id = id;
        known = lookUp(id);
        looked = System.nanoTime();
    }

    /** The provider of the API that a message is in. */
    static AiProvider of(MessageContext context) {
        return new AiProvider(id(context));
    }

    /** Whether the gateway knows something else by now. */
    boolean hasChanged() {
        long now = System.nanoTime();
        if (id == null || now - looked < LOOK_AGAIN) {
            return false;
        }
        looked = now;
        return lookUp(id) != known;
    }

    /** Its id when the API names a provider of which nothing is known; else null. */
    String missing() {
        return known == null ? id : null;
    }

    /**
     * Its name, version and connector's type, then name, input source and identifier of each
     * metadata attribute; null when nothing is known.
     */
    String[] description() {
        if (known == null) {
            return null;
        }
        try {
            Object configuration = Engine.call(known, "getConfigurations");
            List<String> all = new ArrayList<>();
            all.add(text(known, "getName"));
            all.add(text(known, "getApiVersion"));
            all.add(text(configuration, "getConnectorType"));
            for (Object attribute : (Iterable<?>) Engine.call(configuration, "getMetadata")) {
                all.add(text(attribute, "getAttributeName"));
                all.add(text(attribute, "getInputSource"));
                all.add(text(attribute, "getAttributeIdentifier"));
            }
            return all.toArray(new String[0]);
        } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
            LOG.warn("The AI service provider " + id + " is described in an unknown way", e);
            return null;
        }
    }

    private static String text(Object of, String getter) throws ReflectiveOperationException {
        Object value = Engine.call(of, getter);
        return value == null ? "" : value.toString();
    }

    /** Policies run before the resource that sets the property: it is read off the artifacts. */
    private static String id(MessageContext context) {
        try {
            for (Object resource : Engine.resources(context)) {
                SequenceMediator in = (SequenceMediator) Engine.call(resource, "getInSequence");
                for (Mediator step : in == null ? List.<Mediator>of() : in.getList()) {
                    if (step instanceof PropertyMediator
                            && "llmProviderId".equals(((PropertyMediator) step).getName())) {
                        Object value = ((PropertyMediator) step).getValue();
                        return value == null || value.toString().isEmpty()
                                ? null
                                : value.toString();
                    }
                }
            }
        } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
            LOG.debug("The resources of the API could not be read", e);
        }
        LOG.debug("The API names no AI service provider");
        return null;
    }

    private static Object lookUp(String id) {
        if (id == null) {
            return null;
        }
        try {
            // An exported class leads to the loader of those that are not.
            ClassLoader own = AiProvider.class.getClassLoader();
            ClassLoader gateway =
                    Class.forName(GATEWAY + "utils.GatewayUtils", false, own).getClassLoader();
            Class<?> holder = gateway.loadClass(GATEWAY + "internal.DataHolder");
            Object instance = holder.getMethod("getInstance").invoke(null);
            return Engine.call(instance, "getLLMProviderConfigurations", TEXT, id);
        } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
            LOG.debug("This gateway keeps no AI service providers", e);
            return null;
        }
    }
}
