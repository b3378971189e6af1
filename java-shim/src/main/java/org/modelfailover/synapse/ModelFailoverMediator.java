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
import org.apache.synapse.transport.passthru.Pipe;
import org.modelfailover.executor.InvalidConfigurationException;
import org.modelfailover.executor.NativeExecutor;
import org.modelfailover.executor.RefusedException;

import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The class mediator that the policy template puts into an API's request flow.
 *
 * <p>It reads the request, asks the native executor whose it is, and gives the worker back; the
 * answer comes through {@link ClientExchange}. One instance serves all requests of an attachment.
 */
public final class ModelFailoverMediator extends AbstractMediator implements ManagedLifecycle {
    private static final Log LOG = LogFactory.getLog(ModelFailoverMediator.class);

    private static final String NOT_INITIALISED = "The Model Failover policy was not initialised";

    /** One line for each request that needed more than one attempt or failed; at DEBUG for all. */
    private static final Log ATTEMPTS = LogFactory.getLog("org.modelfailover.attempts");

    /** A body that comes at once is waited for: to go on elsewhere costs more than that. */
    private static final long SHORT_PAUSE = TimeUnit.MILLISECONDS.toNanos(5);

    private static final long SHORT_WAIT = TimeUnit.MILLISECONDS.toNanos(50);

    private final List<String> attributes = new ArrayList<>();
    private final ResponsePolicies responsePolicies = new ResponsePolicies();
    private String failoverConfigs = "";
    private volatile String where = AttachedTo.UNKNOWN;
    private volatile String unusable = NOT_INITIALISED;
    private boolean initialised;
    private long policy;
    private long maxRequestBody;
    private long uploadTimeout;
    private long longestWait;
    private volatile Attachment attachment;

    /**
     * The endpoints, known for as long as requests may come: longer than the policy is deployed.
     */
    private volatile Candidates.Sections sections;

    private boolean followsNetwork;

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
    public synchronized void init(SynapseEnvironment environment) {
        if (initialised) {
            return;
        }
        initialised = true;
        sections = null;
        where = AttachedTo.describe(environment.getSynapseConfiguration(), this);
        try {
            policy = open();
            GatewayNetwork.follow(environment);
            followsNetwork = true;
            maxRequestBody = NativeExecutor.maxRequestBody(policy);
            uploadTimeout = TimeUnit.MILLISECONDS.toNanos(NativeExecutor.uploadTimeout(policy));
            longestWait = NativeExecutor.longestWait(policy);
            say(NativeExecutor.diagnostics(policy));
            SynapseConfiguration configuration = environment.getSynapseConfiguration();
            String api = AttachedTo.restApi(configuration, this);
            if (api != null) {
                sections =
                        new Candidates.Sections(
                                policy, AttachedTo.apiName(api), AttachedTo.apiVersion(api));
                sections.remember(configuration);
            }
            unusable = null;
            InFlight.soon(() -> lookAtResponsePolicies(configuration));
        } catch (InvalidConfigurationException e) {
            unusable = "The Model Failover policy is not configured correctly: " + e.getMessage();
            LOG.error(where + " can't be used: " + e.getMessage());
        } catch (LinkageError e) {
            unusable = "The Model Failover policy's native library is not available";
            LOG.error(where + " can't be used: the native library can't be loaded", e);
        }
    }

    /**
     * The host shows a sequence to requests before it initialises its mediators. Looked at again
     * under the lock: what was initialised and destroyed meanwhile would be nobody's to close.
     */
    private synchronized void initFirst(SynapseEnvironment environment) {
        if (NOT_INITIALISED.equals(unusable)) {
            init(environment);
        }
    }

    private long open() {
        return GatewaySettings.open(failoverConfigs, attributes.toArray(new String[0]));
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

    /**
     * Requests that are in the sequence already are served: those in here have the attachment that
     * they use, those that come yet get one of their own.
     */
    @Override
    public synchronized void destroy() {
        initialised = false;
        if (followsNetwork) {
            GatewayNetwork.leave();
            followsNetwork = false;
        }
        if (attachment != null) {
            attachment.release();
            attachment = null;
        }
        if (policy != 0) {
            NativeExecutor.close(policy);
            policy = 0;
        }
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
        if (NOT_INITIALISED.equals(unusable)) {
            initFirst(synCtx.getEnvironment());
        }
        if (unusable != null) {
            sayWhere(synCtx);
            throw fault(synCtx, 500, 500, unusable);
        }
        MessageContext axis2 = ((Axis2MessageContext) synCtx).getAxis2MessageContext();
        if (!canCarryModel(axis2)) {
            return true;
        }
        Attachment bound = attachment(synCtx);
        try {
            return mediate(synCtx, axis2, bound);
        } finally {
            bound.release();
        }
    }

    private boolean mediate(
            org.apache.synapse.MessageContext synCtx, MessageContext axis2, Attachment bound) {
        boolean production = "PRODUCTION".equals(synCtx.getProperty(Properties.KEY_TYPE));
        Candidates candidates = production ? bound.candidates.production : bound.candidates.sandbox;
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
        Arrival arrival =
                new Arrival((Axis2MessageContext) synCtx, source, bound, production, candidates);
        return built ? decide(arrival, serialised(arrival), 0) : receive(arrival);
    }

    /** A request, and what in the policy it is for. */
    private static final class Arrival {
        final Axis2MessageContext synapse;
        final MessageContext axis2;
        final ClientExchange.Source source;
        final Attachment bound;
        final boolean production;
        final Candidates candidates;

        Arrival(
                Axis2MessageContext synapse,
                ClientExchange.Source source,
                Attachment bound,
                boolean production,
                Candidates candidates) {
            this.synapse = synapse;
            axis2 = synapse.getAxis2MessageContext();
            this.source = source;
            this.bound = bound;
            this.production = production;
            this.candidates = candidates;
        }
    }

    /**
     * Takes the body out of its pipe. Most have come by now, or come at once; for the others no
     * worker waits, where it is known how to go on without.
     */
    private boolean receive(Arrival arrival) {
        Object pipe = arrival.axis2.getProperty(Properties.PIPE);
        if (!(pipe instanceof Pipe)) {
            return decide(arrival, new byte[0], 0);
        }
        if (pipe instanceof HandedOnBody) {
            byte[] body = ((HandedOnBody) pipe).untouched();
            if (body != null) {
                return decide(arrival, body, (HandedOnBody) pipe);
            }
        }
        RequestBody body =
                new RequestBody(
                        arrival.source,
                        (Pipe) pipe,
                        arrival.bound.bound,
                        RequestBody.declaredLength(arrival.axis2),
                        maxRequestBody,
                        uploadTimeout);
        RequestBody.State state = RequestBody.State.GONE;
        try {
            state = body.take();
            if (state == RequestBody.State.COMING) {
                state = body.await(SHORT_PAUSE, SHORT_WAIT);
            }
            if (state == RequestBody.State.COMING) {
                body.count();
                if (pause(arrival, body)) {
                    return false;
                }
                state = WaitingWorkers.await(body);
            }
        } catch (IOException e) {
            LOG.debug("A request could not be read", e);
        } catch (RuntimeException | Error e) {
            body.drop();
            throw e;
        }
        if (!body.isAtItsEnd() && state != RequestBody.State.GONE) {
            body.stop();
            LockSupport.parkNanos(RequestBody.STOPPING);
            arrival.source.endRequest();
        }
        return received(arrival, body, state);
    }

    /** Gives the worker back while a body is still coming, if it is known how to go on. */
    private boolean pause(Arrival arrival, RequestBody body) {
        RestOfFlow rest = RestOfFlow.after(this, arrival.synapse);
        if (rest == null || !arrival.bound.acquire()) {
            return false;
        }
        boolean paused = false;
        try {
            Upload.Next next = next(arrival, body);
            paused =
                    Upload.suspend(
                            arrival.synapse, arrival.source, body, uploadTimeout, rest, next);
        } finally {
            if (!paused) {
                arrival.bound.release();
            }
        }
        return paused;
    }

    private Upload.Next next(Arrival arrival, RequestBody body) {
        return new Upload.Next() {
            @Override
            public boolean mediate(RequestBody.State end) {
                return received(arrival, body, end);
            }

            @Override
            public void over() {
                arrival.bound.release();
            }
        };
    }

    /** Goes on when a body has ended, whatever its end. */
    private boolean received(Arrival arrival, RequestBody body, RequestBody.State state) {
        if (state == RequestBody.State.COMPLETE) {
            return decide(arrival, body.bytes(), body.handOver());
        }
        body.drop();
        arrival.axis2.setProperty(Properties.BUILDER_INVOKED, Boolean.TRUE);
        switch (state) {
            case TOO_LARGE:
                throw tooLarge(arrival.synapse);
            case NO_MEMORY:
                throw noMemory(arrival.synapse, arrival.axis2);
            case NO_WORKER:
                retryLater(arrival.synapse, arrival.axis2);
                throw fault(arrival.synapse, 503, 503, WaitingWorkers.MESSAGE);
            case TIMED_OUT:
                throw fault(arrival.synapse, 408, 408, "The request did not come in time");
            default:
                String gone = "The client went away while it sent the request";
                throw fault(arrival.synapse, 400, 400, gone);
        }
    }

    private SynapseException tooLarge(org.apache.synapse.MessageContext synCtx) {
        String message = "The request body is larger than " + maxRequestBody + " bytes";
        return fault(synCtx, 413, 413, message);
    }

    /**
     * Decides about a request whose body another policy has read.
     *
     * @return whether the mediators that follow are to see it
     */
    private boolean decide(Arrival arrival, byte[] body, HandedOnBody pipe) {
        if (body.length > maxRequestBody) {
            arrival.axis2.setProperty(Properties.BUILDER_INVOKED, Boolean.TRUE);
            throw tooLarge(arrival.synapse);
        }
        long reserved = pipe.handOver();
        long call = prepare(arrival, body, reserved);
        if (call == 0) {
            pipe.takeBack(reserved);
            return true;
        }
        takeOver(arrival, call);
        return false;
    }

    /**
     * @param reserved bytes that are counted for the body
     * @return whether the mediators that follow are to see the request
     */
    private boolean decide(Arrival arrival, byte[] body, long reserved) {
        long call = prepare(arrival, body, reserved);
        if (call == 0) {
            handOn(arrival, body, reserved);
            return true;
        }
        takeOver(arrival, call);
        return false;
    }

    private long prepare(Arrival arrival, byte[] body, long reserved) {
        MessageContext axis2 = arrival.axis2;
        Headers.Lengths lengths =
                Headers.measure(
                        axis2.getProperty(Properties.HEADERS),
                        axis2.getProperty(Properties.EXCESS_HEADERS),
                        arrival.bound.credentialHeaders);
        boolean prepared = false;
        try {
            long call =
                    NativeExecutor.prepare(
                            arrival.bound.bound,
                            arrival.production,
                            (String) axis2.getProperty(Properties.URL_POSTFIX),
                            (String) axis2.getProperty(Properties.CONTENT_TYPE),
                            // Whoever has built the body has unpacked it.
                            RequestBody.isBuilt(axis2)
                                    ? null
                                    : Headers.all(axis2, "Content-Encoding"),
                            lengths.longest,
                            lengths.all,
                            body,
                            reserved);
            prepared = true;
            return call;
        } catch (RefusedException e) {
            axis2.setProperty(Properties.BUILDER_INVOKED, Boolean.TRUE);
            if (e.status() == 503) {
                throw noMemory(arrival.synapse, axis2);
            }
            throw fault(arrival.synapse, e.status(), e.status(), e.getMessage());
        } finally {
            if (!prepared && reserved > 0) {
                NativeExecutor.release(reserved);
            }
        }
    }

    /** Gives the worker back and lets the native executor answer. */
    private void takeOver(Arrival arrival, long call) {
        Axis2MessageContext synCtx = arrival.synapse;
        ClientExchange.Source source = arrival.source;
        MessageContext axis2 = arrival.axis2;
        ClientExchange exchange = null;
        try {
            axis2.setProperty(Properties.BUILDER_INVOKED, Boolean.TRUE);
            RequestBody.forget(axis2, source);
            Engine.of().beforeSuspending(synCtx);
            SuspendedRequest request =
                    new SuspendedRequest(synCtx, source.request, arrival.bound.credentialHeaders);
            boolean whole = needsWholeAnswers(synCtx);
            exchange =
                    new ClientExchange(
                            call,
                            request,
                            arrival.candidates,
                            whole,
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
            NativeExecutor.start(call, exchange, ATTEMPTS.isDebugEnabled(), whole);
        } catch (RuntimeException | Error e) {
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

    private boolean needsWholeAnswers(org.apache.synapse.MessageContext synCtx) {
        Object api = synCtx.getProperty(Properties.REST_API);
        return api != null && responsePolicies.needBody(synCtx.getConfiguration(), api.toString());
    }

    private byte[] serialised(Arrival arrival) {
        try {
            return RequestBody.serialise(arrival.axis2);
        } catch (IOException e) {
            throw fault(arrival.synapse, 400, 400, e.getMessage());
        }
    }

    /** Puts the body that was read back for the next mediator or endpoint, byte for byte. */
    private static void handOn(Arrival arrival, byte[] body, long reserved) {
        MessageContext axis2 = arrival.axis2;
        if (RequestBody.isBuilt(axis2) || axis2.getProperty(Properties.PIPE) == null) {
            return;
        }
        try {
            axis2.setProperty(Properties.PIPE, HandedOnBody.of(arrival.source, body, reserved));
        } catch (IOException e) {
            throw new SynapseException("The request body could not be handed on", e);
        }
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
        return NativeExecutor.canNameModel((String) axis2.getProperty(Properties.CONTENT_TYPE));
    }

    /** The attachment for a request, who has to release it. */
    private Attachment attachment(org.apache.synapse.MessageContext synCtx) {
        String tenant = text(synCtx, Properties.TENANT, "carbon.super");
        String api = AttachedTo.apiName(text(synCtx, Properties.API_NAME, restApi(synCtx)));
        String version =
                text(synCtx, Properties.API_VERSION, AttachedTo.apiVersion(restApi(synCtx)));
        Attachment known = attachment;
        return known != null
                        && known.isOf(tenant, api, version)
                        && !known.provider.hasChanged()
                        && known.acquire()
                ? known
                : bind(synCtx, known, tenant, api, version);
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
            known.acquire();
            return known;
        }
        boolean deployed = policy != 0;
        long from = deployed ? policy : open();
        Attachment bound;
        try {
            Candidates.Sections candidates = sections;
            if (candidates == null || !candidates.isOf(api, version)) {
                candidates = new Candidates.Sections(from, api, version);
                sections = candidates;
            }
            candidates.remember(synCtx.getConfiguration());
            bound =
                    new Attachment(
                            from,
                            tenant,
                            api,
                            version,
                            AiProvider.of(synCtx),
                            Engine.of().credentialHeaders(synCtx),
                            candidates);
        } finally {
            if (!deployed) {
                NativeExecutor.close(from);
            }
        }
        if (!deployed) {
            // This request's alone.
            return bound;
        }
        try {
            announce(synCtx, bound);
        } catch (RuntimeException | Error e) {
            bound.release();
            throw e;
        }
        bound.acquire();
        attachment = bound;
        if (known != null) {
            known.release();
        }
        return bound;
    }

    private void announce(org.apache.synapse.MessageContext synCtx, Attachment bound) {
        say(NativeExecutor.diagnostics(bound.bound));
        if (bound.provider.missing() != null) {
            LOG.warn(
                    where
                            + ": the gateway does not know the API's AI service provider "
                            + bound.provider.missing()
                            + "; the model is looked for in path and body");
        }
    }

    private static String restApi(org.apache.synapse.MessageContext synCtx) {
        return text(synCtx, Properties.REST_API, "");
    }

    private static String text(
            org.apache.synapse.MessageContext synCtx, String property, String otherwise) {
        Object value = synCtx.getProperty(property);
        return value == null ? otherwise : value.toString();
    }

    /** There is no room for the request's body. */
    private static SynapseException noMemory(
            org.apache.synapse.MessageContext synCtx, MessageContext axis2) {
        MaxMemory.refused();
        retryLater(synCtx, axis2);
        return fault(synCtx, 503, MaxMemory.CODE, MaxMemory.MESSAGE);
    }

    /** As a header of the answer: fault sequences send none of the request's back. */
    private static void retryLater(org.apache.synapse.MessageContext synCtx, MessageContext axis2) {
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        headers.put("Retry-After", Long.toString(MaxMemory.RETRY_AFTER));
        axis2.setProperty(Properties.HEADERS, headers);
        synCtx.setResponse(true);
        synCtx.setTo(null);
    }

    private static SynapseException fault(
            org.apache.synapse.MessageContext synCtx, int status, int code, String message) {
        Faults.describe(synCtx, status, code, message);
        return new SynapseException(message);
    }
}
