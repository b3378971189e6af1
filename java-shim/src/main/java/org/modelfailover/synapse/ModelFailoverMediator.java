package org.modelfailover.synapse;

import org.apache.axis2.context.MessageContext;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.synapse.ManagedLifecycle;
import org.apache.synapse.SynapseException;
import org.apache.synapse.config.SynapseConfiguration;
import org.apache.synapse.core.SynapseEnvironment;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.mediators.AbstractMediator;
import org.modelfailover.executor.InvalidConfigurationException;
import org.modelfailover.executor.NativeExecutor;
import org.modelfailover.executor.RefusedException;

import java.io.IOException;
import java.net.URLDecoder;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The class mediator that the policy template puts into an API's request flow.
 *
 * <p>It reads the request, asks the native executor whose it is, and gives the worker back; the
 * answer comes through {@link ClientExchange}. One instance serves all requests of an attachment.
 */
public final class ModelFailoverMediator extends AbstractMediator implements ManagedLifecycle {
    private static final Log LOG = LogFactory.getLog(ModelFailoverMediator.class);

    /** One line for each request that needed more than one attempt or failed; at DEBUG for all. */
    private static final Log ATTEMPTS = LogFactory.getLog("org.modelfailover.attempts");

    private final List<String> attributes = new ArrayList<>();
    private final ResponsePolicies responsePolicies = new ResponsePolicies();
    private String failoverConfigs = "";
    private volatile String where = AttachedTo.UNKNOWN;
    private volatile String unusable = "The Model Failover policy was not initialised";
    private long policy;
    private long maxRequestBody;
    private long longestWait;
    private volatile Attachment attachment;

    /** Bound before the provider changed; a request can be about to use one of them. */
    private final List<Attachment> outdated = new ArrayList<>();

    /** The policy, bound to the API whose requests it sees. */
    private static final class Attachment {
        final String tenant;
        final String api;
        final String version;
        final long bound;
        final Candidates production;
        final Candidates sandbox;
        final AiProvider provider;
        final Set<String> credentialHeaders;

        Attachment(
                long policy,
                String tenant,
                String api,
                String version,
                AiProvider provider,
                Set<String> credentialHeaders) {
            this.tenant = tenant;
            this.api = api;
            this.version = version;
            this.provider = provider;
            this.credentialHeaders = credentialHeaders;
            bound = NativeExecutor.bind(policy, tenant, api, version, provider.description());
            production = candidates(true);
            sandbox = candidates(false);
        }

        private Candidates candidates(boolean forProduction) {
            String[] ids = NativeExecutor.endpointIds(bound, forProduction);
            return ids.length == 0 ? null : new Candidates(api, version, forProduction, ids);
        }

        boolean isOf(String tenant, String api, String version) {
            return this.api.equals(api)
                    && this.version.equals(version)
                    && this.tenant.equals(tenant);
        }
    }

    /** Sets the configuration as the portal stored it, URL-encoded as the template carries it. */
    public void setFailoverConfigs(String value) {
        failoverConfigs = decoded(value);
    }

    /**
     * Sets what the API sets for itself, as the template carries it: {@code name=value} pairs with
     * {@code &} between them, values URL-encoded; an empty one is not set.
     */
    public void setSettings(String value) {
        for (String pair : value.split("&")) {
            int equals = pair.indexOf('=');
            if (equals > 0) {
                attributes.add(pair.substring(0, equals));
                attributes.add(decoded(pair.substring(equals + 1)));
            }
        }
    }

    private static String decoded(String value) {
        return value == null ? "" : URLDecoder.decode(value, StandardCharsets.UTF_8);
    }

    @Override
    public void init(SynapseEnvironment environment) {
        where = AttachedTo.describe(environment.getSynapseConfiguration(), this);
        try {
            policy = GatewaySettings.open(failoverConfigs, attributes.toArray(new String[0]));
            GatewayNetwork.follow(environment);
            maxRequestBody = NativeExecutor.maxRequestBody(policy);
            longestWait = NativeExecutor.longestWait(policy);
            say(NativeExecutor.diagnostics(policy));
            unusable = null;
            InFlight.soon(() -> lookAtResponsePolicies(environment.getSynapseConfiguration()));
        } catch (InvalidConfigurationException e) {
            unusable = "The Model Failover policy is not configured correctly: " + e.getMessage();
            LOG.error(where + " can't be used: " + e.getMessage());
        } catch (LinkageError e) {
            unusable = "The Model Failover policy's native library is not available";
            LOG.error(where + " can't be used: the native library can't be loaded", e);
        }
    }

    /** Not while the API is being deployed: its response policies come after this one. */
    private void lookAtResponsePolicies(SynapseConfiguration configuration) {
        String api = AttachedTo.restApi(configuration, this);
        if (api != null) {
            responsePolicies.needBody(configuration, api);
        }
    }

    private void say(String[] diagnostics) {
        for (String line : diagnostics) {
            GatewaySettings.log(LOG, where + ": ", line);
        }
    }

    /**
     * Some hosts deploy a sequence before they give it its name: then the API is named here, once.
     */
    private void sayWhere(org.apache.synapse.MessageContext synCtx) {
        if (AttachedTo.UNKNOWN.equals(where)) {
            String api = restApi(synCtx);
            where = AttachedTo.describe(text(synCtx, Properties.API_NAME, api), api);
            LOG.error(where + ": " + unusable);
        }
    }

    @Override
    public void destroy() {
        unusable = "The Model Failover policy was undeployed";
        closeAttachments();
        if (policy != 0) {
            NativeExecutor.close(policy);
            policy = 0;
        }
    }

    private synchronized void closeAttachments() {
        if (attachment != null) {
            outdated.add(attachment);
            attachment = null;
        }
        outdated.forEach(one -> NativeExecutor.close(one.bound));
        outdated.clear();
    }

    /** The body is read as bytes; the host must not parse it before. */
    @Override
    public boolean isContentAware() {
        return false;
    }

    @Override
    public boolean mediate(org.apache.synapse.MessageContext synCtx) {
        if (synCtx.isResponse()) {
            return true;
        }
        if (unusable != null) {
            sayWhere(synCtx);
            throw fault(synCtx, 500, 500, unusable);
        }
        MessageContext axis2 = ((Axis2MessageContext) synCtx).getAxis2MessageContext();
        if (!canCarryModel(axis2)) {
            return true;
        }
        boolean production = "PRODUCTION".equals(synCtx.getProperty(Properties.KEY_TYPE));
        Attachment bound = attachment(synCtx);
        Candidates candidates = production ? bound.production : bound.sandbox;
        if (candidates == null) {
            return true;
        }
        ClientExchange.Source source = ClientExchange.Source.of(axis2);
        if (source == null) {
            throw fault(
                    synCtx,
                    500,
                    500,
                    "The Model Failover policy needs requests that come through the pass-through"
                            + " HTTP transport");
        }
        boolean built = RequestBody.isBuilt(axis2);
        if (!built && RequestBody.isUnframed(axis2)) {
            source.endRequest();
            axis2.setProperty(Properties.BUILDER_INVOKED, Boolean.TRUE);
            throw fault(synCtx, 411, 411, "The request has neither a length nor chunks");
        }
        byte[] body = read(synCtx, axis2, built);
        Headers.Lengths lengths =
                Headers.measure(
                        axis2.getProperty(Properties.HEADERS),
                        axis2.getProperty(Properties.EXCESS_HEADERS),
                        bound.credentialHeaders);
        long call;
        try {
            call =
                    NativeExecutor.prepare(
                            bound.bound,
                            production,
                            (String) axis2.getProperty(Properties.URL_POSTFIX),
                            (String) axis2.getProperty(Properties.CONTENT_TYPE),
                            lengths.longest,
                            lengths.all,
                            body);
        } catch (RefusedException e) {
            axis2.setProperty(Properties.BUILDER_INVOKED, Boolean.TRUE);
            throw fault(synCtx, e.status(), e.status(), e.getMessage());
        }
        if (call == 0) {
            if (!built) {
                handOn(axis2, source, body);
            }
            return true;
        }
        takeOver((Axis2MessageContext) synCtx, source, bound.credentialHeaders, candidates, call);
        return false;
    }

    /** Gives the worker back and lets the native executor answer. */
    private void takeOver(
            Axis2MessageContext synCtx,
            ClientExchange.Source source,
            Set<String> forTheGateway,
            Candidates candidates,
            long call) {
        MessageContext axis2 = synCtx.getAxis2MessageContext();
        ClientExchange exchange = null;
        try {
            axis2.setProperty(Properties.BUILDER_INVOKED, Boolean.TRUE);
            RequestBody.forget(axis2, source);
            Engine.of().beforeSuspending(synCtx);
            SuspendedRequest request = new SuspendedRequest(synCtx, source.request, forTheGateway);
            exchange =
                    new ClientExchange(
                            call,
                            request,
                            candidates,
                            responsePolicies,
                            source,
                            longestWait,
                            ATTEMPTS);
            // Before the start: an answer can arrive before this thread has left its stack.
            axis2.getOperationContext().setProperty(Properties.RESPONSE_WRITTEN, "SKIP");
            int first = NativeExecutor.firstCandidate(call);
            if (first >= 0) {
                exchange.resolveHere(first);
            }
            InFlight.add(exchange);
            NativeExecutor.start(call, exchange, ATTEMPTS.isDebugEnabled());
        } catch (RuntimeException | LinkageError e) {
            NativeExecutor.cancel(call);
            if (exchange != null && exchange.isOver()) {
                LOG.debug("The client left before its call began", e);
                return;
            }
            if (exchange != null) {
                exchange.resume();
            }
            axis2.getOperationContext().removeProperty(Properties.RESPONSE_WRITTEN);
            LOG.error(where + " failed", e);
            throw fault(synCtx, 500, 500, "The Model Failover policy failed");
        }
    }

    private byte[] read(
            org.apache.synapse.MessageContext synCtx, MessageContext axis2, boolean built) {
        try {
            return RequestBody.read(axis2, built ? -1 : contentLength(axis2), maxRequestBody);
        } catch (RequestBody.TooLarge e) {
            axis2.setProperty(Properties.BUILDER_INVOKED, Boolean.TRUE);
            throw fault(synCtx, 413, 413, e.getMessage());
        } catch (IOException e) {
            axis2.setProperty(Properties.BUILDER_INVOKED, Boolean.TRUE);
            throw fault(synCtx, 400, 400, e.getMessage());
        }
    }

    /** Puts the body that was read back for the next mediator or endpoint, byte for byte. */
    private static void handOn(MessageContext axis2, ClientExchange.Source source, byte[] body) {
        if (axis2.getProperty(Properties.PIPE) == null) {
            return;
        }
        ResponsePipe pipe = new ResponsePipe(source.configuration);
        try {
            pipe.offerAll(ByteBuffer.wrap(body));
        } catch (IOException e) {
            throw new SynapseException("The request body could not be handed on", e);
        }
        axis2.setProperty(Properties.PIPE, pipe);
        axis2.setProperty(Properties.BUILDER_INVOKED, Boolean.FALSE);
    }

    /** Methods without a body and bodies of other types go on without being read. */
    private static boolean canCarryModel(MessageContext axis2) {
        if (Boolean.TRUE.equals(axis2.getProperty(Properties.NO_ENTITY_BODY))) {
            return false;
        }
        if (axis2.getProperty(Properties.PIPE) == null && !RequestBody.isBuilt(axis2)) {
            return false;
        }
        Object type = axis2.getProperty(Properties.CONTENT_TYPE);
        if (type == null) {
            return true;
        }
        String lower = type.toString().toLowerCase(Locale.ROOT);
        return lower.contains("json") || lower.startsWith("multipart/form-data");
    }

    private static long contentLength(MessageContext axis2) {
        Object headers = axis2.getProperty(Properties.HEADERS);
        Object length = headers instanceof Map ? ((Map<?, ?>) headers).get("Content-Length") : null;
        try {
            return length == null ? -1 : Long.parseLong(length.toString().trim());
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    private Attachment attachment(org.apache.synapse.MessageContext synCtx) {
        String tenant = text(synCtx, Properties.TENANT, "carbon.super");
        String api = AttachedTo.apiName(text(synCtx, Properties.API_NAME, restApi(synCtx)));
        String version =
                text(synCtx, Properties.API_VERSION, AttachedTo.apiVersion(restApi(synCtx)));
        Attachment known = attachment;
        if (known != null && known.isOf(tenant, api, version) && !known.provider.hasChanged()) {
            return known;
        }
        return bind(synCtx, known, tenant, api, version);
    }

    /**
     * @param seen the attachment that will not do
     */
    private synchronized Attachment bind(
            org.apache.synapse.MessageContext synCtx,
            Attachment seen,
            String tenant,
            String api,
            String version) {
        Attachment known = attachment;
        if (known != null && known != seen && known.isOf(tenant, api, version)) {
            return known;
        }
        AiProvider provider = AiProvider.of(synCtx);
        Attachment bound =
                new Attachment(
                        policy,
                        tenant,
                        api,
                        version,
                        provider,
                        Engine.of().credentialHeaders(synCtx));
        say(NativeExecutor.diagnostics(bound.bound));
        if (provider.missing() != null) {
            LOG.warn(
                    where
                            + ": the gateway does not know the API's AI service provider "
                            + provider.missing()
                            + "; the model is looked for in path and body");
        }
        if (known != null && known.isOf(tenant, api, version)) {
            outdated.add(known);
        } else if (known != null) {
            NativeExecutor.close(known.bound);
        }
        attachment = bound;
        return bound;
    }

    private static String restApi(org.apache.synapse.MessageContext synCtx) {
        return text(synCtx, Properties.REST_API, "");
    }

    private static String text(
            org.apache.synapse.MessageContext synCtx, String property, String otherwise) {
        Object value = synCtx.getProperty(property);
        return value == null ? otherwise : value.toString();
    }

    private static SynapseException fault(
            org.apache.synapse.MessageContext synCtx, int status, int code, String message) {
        Faults.describe(synCtx, status, code, message);
        return new SynapseException(message);
    }
}
