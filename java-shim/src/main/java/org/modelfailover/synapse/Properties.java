package org.modelfailover.synapse;

/**
 * Names of message properties, as literals: the two engines keep the constants in different
 * classes, some of them hidden, but agree on the text.
 */
final class Properties {
    // On the Axis2 message context.
    static final String PIPE = "pass-through.pipe";
    static final String BUILDER_INVOKED = "message.builder.invoked";
    static final String NO_ENTITY_BODY = "NO_ENTITY_BODY";
    static final String SOURCE_CONNECTION = "pass-through.Source-Connection";
    static final String SOURCE_CONFIGURATION = "PASS_THROUGH_SOURCE_CONFIGURATION";
    static final String SOURCE_REQUEST = "pass-through.Source-Request";
    static final String HTTP_METHOD = "HTTP_METHOD";
    static final String URL_POSTFIX = "REST_URL_POSTFIX";
    static final String FULL_PATH = "REST_FULL_REQUEST_PATH";
    static final String HEADERS = "TRANSPORT_HEADERS";
    static final String EXCESS_HEADERS = "EXCESS_TRANSPORT_HEADERS";
    static final String CONTENT_TYPE = "ContentType";
    static final String MESSAGE_TYPE = "messageType";
    static final String HTTP_STATUS = "HTTP_SC";
    static final String CORRELATION_ID = "correlation_id";
    static final String REMOTE_ADDRESS = "REMOTE_ADDR";

    // On the operation context.
    static final String RESPONSE_WRITTEN = "RESPONSE_WRITTEN";

    // On the Synapse message context.
    static final String REST_API = "SYNAPSE_REST_API";
    static final String RESOURCE = "SYNAPSE_RESOURCE";
    static final String PROCESSED_API = "PROCESSED_API";
    static final String KEY_TYPE = "AM_KEY_TYPE";
    static final String API_NAME = "api.ut.api";
    static final String API_VERSION = "api.ut.version";
    static final String TENANT = "tenant.info.domain";
    static final String RESPONSE_STATE = "__SYNAPSE_RESPONSE_STATE__";
    static final String ERROR_CODE = "ERROR_CODE";
    static final String ERROR_MESSAGE = "ERROR_MESSAGE";
    static final String ERROR_DETAIL = "ERROR_DETAIL";
    static final String ERROR_EXCEPTION = "ERROR_EXCEPTION";
    static final String CUSTOM_STATUS = "CUSTOM_HTTP_SC";

    // On the Synapse message context, for the host's accounting and analytics.
    static final String SUB_TYPE = "api.ut.sub_type";
    static final String REQUEST_METADATA = "AI_API_REQUEST_METADATA";
    static final String RESPONSE_METADATA = "AI_API_RESPONSE_METADATA";
    static final String ENDPOINT_ADDRESS = "ENDPOINT_ADDRESS";
    static final String BACKEND_REQUEST_TIME = "api.ut.backendRequestTime";
    static final String BACKEND_END_TIME = "apim.analytics.backend.end.time";
    static final String SKIP_ANALYTICS = "SKIP_METRICS_PUBLISHING";

    private Properties() {}
}
