package org.modelfailover.apimanager.bench;

import org.apache.synapse.MessageContext;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.rest.AbstractHandler;

import java.util.Map;

/**
 * Gives a request's context the properties that are missing where stand-ins take the place of API
 * Manager's handlers: those that {@code APIAuthenticationHandler}, {@code CORSRequestHandler} and
 * {@code AnalyticsMetricsHandler} of 9.33.90 set for every request.
 */
public final class ContextProperties extends AbstractHandler {
    private static final Map<String, Object> AUTHENTICATION =
            Map.ofEntries(
                    Map.entry("api.ut.consumerKey", "jdXpZ0Ie8QzHhS7rPq3nV1mKc5Ya"),
                    Map.entry("api.ut.userId", "subscriber@carbon.super"),
                    Map.entry("api.ut.userName", "subscriber"),
                    Map.entry("api.ut.context", "/assistant/1.0.0"),
                    Map.entry("api.ut.api_version", "AssistantAPI:v1.0.0"),
                    Map.entry("api.ut.version", "1.0.0"),
                    Map.entry("api.ut.api_type", "HTTP"),
                    Map.entry("api.ut.resource", "/chat/completions"),
                    Map.entry("api.ut.HTTP_METHOD", "POST"),
                    Map.entry("api.ut.hostName", "gateway-1"),
                    Map.entry("api.ut.apiPublisher", "publisher@carbon.super"),
                    Map.entry("api.ut.application.name", "Assistants"),
                    Map.entry("api.ut.application.id", "7"),
                    Map.entry("api.ut.requestTime", "1764471600000"),
                    Map.entry("api.ut.status", "PUBLISHED"),
                    Map.entry("issuer", "https://gateway-1:9443/oauth2/token"),
                    Map.entry("ApiType", "HTTP"));

    private static final Map<String, Object> CORS =
            Map.ofEntries(
                    Map.entry("API_ELECTED_RESOURCE", "/chat/completions"),
                    Map.entry("API_RESOURCE_CACHE_KEY", "/assistant/1.0.0/chat/completions:POST"),
                    Map.entry("ACCEPTABLE_RESOURCES", new Object[0]),
                    Map.entry("REST_METHOD", "POST"),
                    Map.entry("CORSConfiguration.Enabled", Boolean.TRUE),
                    Map.entry("Access-Control-Allow-Methods", "GET,PUT,POST,DELETE,PATCH,OPTIONS"),
                    Map.entry(
                            "Access-Control-Allow-Headers",
                            "authorization,Access-Control-Allow-Origin,Content-Type,SOAPAction,"
                                    + "apikey,Internal-Key"),
                    Map.entry("Access-Control-Allow-Credentials", "false"),
                    Map.entry("Access-Control-Expose-Headers", ""));

    private static final Map<String, Object> ANALYTICS =
            Map.ofEntries(
                    Map.entry("api.analytics.user.agent", "bench"),
                    Map.entry("api.analytics.user.ip", "127.0.0.1"),
                    Map.entry("apiContext", "/assistant/1.0.0"),
                    Map.entry("userName", "subscriber"),
                    Map.entry("requestSize", 512));

    /** What only the transport's context holds. */
    private static final Map<String, Object> TRANSPORT =
            Map.of(
                    "API_NAME",
                    "AssistantAPI",
                    "am.correlationID",
                    "5f9c4c1e",
                    "HTTP_METHOD",
                    "POST");

    @Override
    public boolean handleRequest(MessageContext synCtx) {
        AUTHENTICATION.forEach(synCtx::setProperty);
        CORS.forEach(synCtx::setProperty);
        ANALYTICS.forEach(synCtx::setProperty);
        TRANSPORT.forEach(((Axis2MessageContext) synCtx).getAxis2MessageContext()::setProperty);
        return true;
    }

    @Override
    public boolean handleResponse(MessageContext synCtx) {
        return true;
    }
}
