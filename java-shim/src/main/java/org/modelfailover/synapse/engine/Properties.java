package org.modelfailover.synapse.engine;

import org.apache.synapse.MessageContext;

/**
 * Names of message properties, as literals: the two engines keep the constants in different
 * classes, some of them hidden, but agree on the text.
 */
public final class Properties {
    // On the Axis2 message context.
    public static final String PIPE = "pass-through.pipe";
    public static final String BUILDER_INVOKED = "message.builder.invoked";
    public static final String NO_ENTITY_BODY = "NO_ENTITY_BODY";
    public static final String SOURCE_CONNECTION = "pass-through.Source-Connection";
    public static final String SOURCE_CONFIGURATION = "PASS_THROUGH_SOURCE_CONFIGURATION";
    static final String SOURCE_REQUEST = "pass-through.Source-Request";
    public static final String HTTP_METHOD = "HTTP_METHOD";
    public static final String URL_POSTFIX = "REST_URL_POSTFIX";
    public static final String FULL_PATH = "REST_FULL_REQUEST_PATH";
    public static final String HEADERS = "TRANSPORT_HEADERS";
    public static final String EXCESS_HEADERS = "EXCESS_TRANSPORT_HEADERS";
    public static final String CONTENT_TYPE = "ContentType";
    public static final String MESSAGE_TYPE = "messageType";
    public static final String HTTP_STATUS = "HTTP_SC";
    public static final String CORRELATION_ID = "correlation_id";
    public static final String REMOTE_ADDRESS = "REMOTE_ADDR";

    // On the operation context.
    public static final String RESPONSE_WRITTEN = "RESPONSE_WRITTEN";

    // On the Synapse message context.
    public static final String REST_API = "SYNAPSE_REST_API";
    public static final String RESOURCE = "SYNAPSE_RESOURCE";
    static final String PROCESSED_API = "PROCESSED_API";
    private static final String KEY_TYPE = "AM_KEY_TYPE";
    public static final String API_NAME = "api.ut.api";
    public static final String API_VERSION = "api.ut.version";
    public static final String TENANT = "tenant.info.domain";
    static final String RESPONSE_STATE = "__SYNAPSE_RESPONSE_STATE__";
    public static final String ERROR_CODE = "ERROR_CODE";
    public static final String ERROR_MESSAGE = "ERROR_MESSAGE";
    public static final String ERROR_DETAIL = "ERROR_DETAIL";
    public static final String ERROR_EXCEPTION = "ERROR_EXCEPTION";
    public static final String CUSTOM_STATUS = "CUSTOM_HTTP_SC";

    public static final String APPLICATION = "api.ut.application.name";

    // On the Synapse message context, the policy's own.
    public static final String SETTINGS = "model.failover.settings";
    public static final String CLIENT_CONTROL = "model.failover.client.control";

    // On the Synapse message context, for the host's accounting and analytics.
    public static final String SUB_TYPE = "api.ut.sub_type";
    public static final String REQUEST_METADATA = "AI_API_REQUEST_METADATA";
    public static final String RESPONSE_METADATA = "AI_API_RESPONSE_METADATA";
    public static final String ENDPOINT_ADDRESS = "ENDPOINT_ADDRESS";
    public static final String BACKEND_REQUEST_TIME = "api.ut.backendRequestTime";
    public static final String BACKEND_END_TIME = "apim.analytics.backend.end.time";
    public static final String SKIP_ANALYTICS = "SKIP_METRICS_PUBLISHING";

    private Properties() {}

    /** Whether a request came with a production key, and not with a sandbox key. */
    public static boolean isProduction(MessageContext request) {
        return "PRODUCTION".equals(request.getProperty(KEY_TYPE));
    }
}
