package org.modelfailover.gateway.host;

import org.apache.synapse.MessageContext;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.rest.Handler;

import java.util.Map;
import java.util.TreeMap;

/**
 * Stands for {@code APIAuthenticationHandler}: whoever calls is let in, and what the host's handler
 * would leave on the message for policies is left there.
 *
 * <p>The gateway's token is the header {@code ApiKey}, or else a bearer token in {@code
 * Authorization} that begins with {@code sandbox} or {@code production}. It decides the key type
 * and is taken off the message, as the host takes off its own. Any other {@code Authorization} is
 * the caller's credential for the provider and stays.
 */
public final class KeyTypeHandler implements Handler {
    static final String GATEWAY_TOKEN = "ApiKey";

    private String name = "";
    private String version = "";
    private String tenant = "";

    /** Says which API this instance guards; Synapse 3.0.1's handlers take no properties. */
    public void guard(String name, String version, String tenant) {
        this.name = name;
        this.version = version;
        this.tenant = tenant;
    }

    @Override
    public boolean handleRequest(MessageContext synCtx) {
        synCtx.setProperty(
                "AM_KEY_TYPE", takeToken(synCtx).startsWith("sandbox") ? "SANDBOX" : "PRODUCTION");
        synCtx.setProperty("api.ut.api", name);
        synCtx.setProperty("api.ut.version", version);
        synCtx.setProperty("api.ut.api_version", name + ":v" + version);
        synCtx.setProperty("api.ut.context", synCtx.getProperty("REST_API_CONTEXT"));
        synCtx.setProperty("tenant.info.domain", tenant);
        return true;
    }

    @Override
    public boolean handleResponse(MessageContext synCtx) {
        return true;
    }

    private static String takeToken(MessageContext synCtx) {
        Map<String, String> headers = headers(synCtx);
        String token = headers.get(GATEWAY_TOKEN);
        if (token != null) {
            drop(synCtx, GATEWAY_TOKEN);
            return token;
        }
        String authorization = headers.getOrDefault("Authorization", "");
        String bearer = authorization.replaceFirst("(?i)^bearer\\s+", "");
        if (bearer.startsWith("sandbox") || bearer.startsWith("production")) {
            drop(synCtx, "Authorization");
            return bearer;
        }
        return "";
    }

    private static void drop(MessageContext synCtx, String header) {
        for (String map : new String[] {"TRANSPORT_HEADERS", "EXCESS_TRANSPORT_HEADERS"}) {
            Object headers =
                    ((Axis2MessageContext) synCtx).getAxis2MessageContext().getProperty(map);
            if (headers instanceof Map) {
                ((Map<?, ?>) headers)
                        .keySet()
                        .removeIf(key -> header.equalsIgnoreCase(String.valueOf(key)));
            }
        }
    }

    private static Map<String, String> headers(MessageContext synCtx) {
        Map<String, String> copy = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        Object headers =
                ((Axis2MessageContext) synCtx)
                        .getAxis2MessageContext()
                        .getProperty("TRANSPORT_HEADERS");
        if (headers instanceof Map) {
            ((Map<?, ?>) headers)
                    .forEach((key, value) -> copy.put(key.toString(), value.toString()));
        }
        return copy;
    }
}
