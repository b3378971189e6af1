package org.modelfailover.synapse.answer;

import org.apache.synapse.MessageContext;
import org.apache.synapse.rest.Handler;
import org.modelfailover.synapse.engine.Engine;
import org.modelfailover.synapse.engine.Properties;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Lets the host count what an answer has used. Its handlers find that on a whole answer, on its way
 * back; that of a stream is known only at the end, when the answer has passed them.
 */
final class Accounting {
    /**
     * Publishes the events by which requests and tokens are counted, for an answer that says what
     * it has used; for any other one it does nothing.
     */
    private static final String THROTTLING =
            "org.wso2.carbon.apimgt.gateway.handlers.throttling.ThrottleHandler";

    /** Publishes analytics of every answer, in the engine's own hand, when its head goes out. */
    private static final String ANALYTICS =
            "org.wso2.carbon.apimgt.gateway.handlers.analytics.AnalyticsMetricsHandler";

    private static final Class<?>[] MESSAGE = {MessageContext.class};

    private Accounting() {}

    /**
     * Puts on an answer what it has used, in the types that the host casts to.
     *
     * @param metadata names and values in turn, or null
     */
    static void put(MessageContext answer, String[] metadata) {
        if (metadata == null && !"AIAPI".equals(answer.getProperty(Properties.SUB_TYPE))) {
            return;
        }
        Map<String, String> used = new HashMap<>();
        // Without these two the host's analytics fail. And requests to AI APIs are counted by what
        // stands here: there has to be something.
        used.put("name", "");
        used.put("apiVersion", "");
        for (int i = 0; metadata != null && i + 1 < metadata.length; i += 2) {
            used.put(metadata[i], metadata[i + 1]);
        }
        answer.setProperty(Properties.REQUEST_METADATA, used);
        answer.setProperty(Properties.RESPONSE_METADATA, used);
    }

    /**
     * Keeps the host's analytics from publishing an answer when its head goes out.
     *
     * @param handlers the engine's own
     * @return whether {@link #publish} has to do it at the end
     */
    static boolean defer(MessageContext answer, List<?> handlers) {
        boolean deferred =
                !Boolean.TRUE.equals(answer.getProperty(Properties.SKIP_ANALYTICS))
                        && handlers.stream().anyMatch(handler -> isA(handler, ANALYTICS));
        if (deferred) {
            answer.setProperty(Properties.SKIP_ANALYTICS, Boolean.TRUE);
        }
        return deferred;
    }

    /** Publishes an answer that was deferred: by the host's analytics alone, as it is now. */
    static void publish(MessageContext ended, List<?> handlers)
            throws ReflectiveOperationException {
        release(ended);
        ended.setProperty(Properties.BACKEND_END_TIME, System.currentTimeMillis());
        for (Object handler : handlers) {
            if (isA(handler, ANALYTICS)) {
                Engine.call(handler, "handleResponseOutFlow", MESSAGE, ended);
            }
        }
    }

    /** Lets the engine publish an answer that was deferred. */
    static void release(MessageContext answer) {
        answer.setProperty(Properties.SKIP_ANALYTICS, Boolean.FALSE);
    }

    /**
     * Counts a stream: only by the throttling, because the other handlers have seen the answer.
     *
     * @param ended what went out, without its body, and with what it has used
     * @param handlers the API's
     */
    static void count(MessageContext ended, List<Handler> handlers) {
        for (Handler handler : handlers) {
            if (isA(handler, THROTTLING)) {
                handler.handleResponse(ended);
            }
        }
    }

    /** Whether an object is of a class that is not known here, or of one that extends it. */
    private static boolean isA(Object object, String className) {
        for (Class<?> type = object.getClass(); type != null; type = type.getSuperclass()) {
            if (type.getName().equals(className)) {
                return true;
            }
        }
        return false;
    }
}
