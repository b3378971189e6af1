package org.modelfailover.synapse;

import org.apache.axis2.context.MessageContext;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.synapse.ManagedLifecycle;
import org.apache.synapse.core.SynapseEnvironment;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.mediators.AbstractMediator;
import org.modelfailover.executor.Call;
import org.modelfailover.synapse.answer.ClientExchange;
import org.modelfailover.synapse.answer.DetachedRequest;
import org.modelfailover.synapse.api.AttachedApi;
import org.modelfailover.synapse.api.DeployedPolicy;
import org.modelfailover.synapse.endpoint.Endpoints;
import org.modelfailover.synapse.engine.ClientConnection;
import org.modelfailover.synapse.engine.Engine;
import org.modelfailover.synapse.engine.Faults;
import org.modelfailover.synapse.engine.Headers;
import org.modelfailover.synapse.engine.InFlight;
import org.modelfailover.synapse.engine.Properties;
import org.modelfailover.synapse.observation.Observation;
import org.modelfailover.synapse.request.Arrival;
import org.modelfailover.synapse.request.BodyType;
import org.modelfailover.synapse.request.Reception;
import org.modelfailover.synapse.request.RequestBody;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;

/**
 * The class mediator that the policy template puts into an API's request flow.
 *
 * <p>It reads the request, asks the native executor whose it is, and gives the worker back; the
 * answer comes through {@link ClientExchange}. One instance serves all requests of an API.
 */
public final class ModelFailoverMediator extends AbstractMediator implements ManagedLifecycle {
    private static final Log LOG = LogFactory.getLog(ModelFailoverMediator.class);

    private final DeployedPolicy policy = new DeployedPolicy(this);
    private final Reception reception = new Reception(this, ModelFailoverMediator::takeOver);

    /** Sets the configuration as the portal stored it, URL-encoded as the template carries it. */
    public void setFailoverConfigs(String value) {
        policy.setFailoverConfigs(
                value == null ? "" : URLDecoder.decode(value, StandardCharsets.UTF_8));
    }

    /**
     * Sets what the API sets for itself, as the template carries it: {@code name=value} pairs with
     * {@code &} between them, values URL-encoded; an empty one is not set.
     */
    public void setSettings(String value) {
        policy.setSettings(value);
    }

    @Override
    public void init(SynapseEnvironment environment) {
        policy.deploy(environment);
    }

    @Override
    public void destroy() {
        policy.undeploy();
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
        MessageContext axis2 = ((Axis2MessageContext) synCtx).getAxis2MessageContext();
        String control = control(synCtx, axis2);
        DeployedPolicy policy =
                this.policy.with(synCtx.getProperty(Properties.SETTINGS), synCtx.getEnvironment());
        String unusable = policy.unusable(synCtx);
        if (unusable != null) {
            throw Faults.exception(synCtx, 500, 500, unusable);
        }
        if (policy.isWithoutLibrary()) {
            policy.handOn(synCtx);
            return true;
        }
        if (!BodyType.canCarryModel(axis2)) {
            return true;
        }
        AttachedApi api = policy.attached(synCtx);
        try {
            return mediate((Axis2MessageContext) synCtx, policy, api, control);
        } finally {
            api.release();
        }
    }

    /**
     * What the client says of failing over, or null: taken off before anything goes upstream, and
     * kept for another such policy on the same operation.
     */
    private static String control(org.apache.synapse.MessageContext synCtx, MessageContext axis2) {
        String said = Headers.take(axis2, "x-failover");
        if (said != null) {
            synCtx.setProperty(Properties.CLIENT_CONTROL, said);
            return said;
        }
        return (String) synCtx.getProperty(Properties.CLIENT_CONTROL);
    }

    private boolean mediate(
            Axis2MessageContext synCtx, DeployedPolicy policy, AttachedApi api, String control) {
        boolean production = Properties.isProduction(synCtx);
        Endpoints endpoints = production ? api.endpoints.production : api.endpoints.sandbox;
        if (endpoints == null) {
            return true;
        }
        ClientConnection client = ClientConnection.of(synCtx.getAxis2MessageContext());
        if (client == null) {
            throw Faults.exception(
                    synCtx,
                    500,
                    500,
                    "The Model Failover policy needs requests that come through the pass-through"
                            + " HTTP transport");
        }
        return reception.receive(
                new Arrival(synCtx, client, policy, api, production, endpoints, control));
    }

    /** Gives the worker back and lets the native executor answer. */
    private static void takeOver(Arrival arrival, Call call) {
        MessageContext axis2 = arrival.axis2;
        ClientExchange exchange = null;
        Observation observation = null;
        try {
            axis2.setProperty(Properties.BUILDER_INVOKED, Boolean.TRUE);
            RequestBody.forget(axis2, arrival.client);
            Engine.of().beforeSuspending(arrival.synapse);
            DetachedRequest request = new DetachedRequest(arrival.synapse, arrival.client.request);
            observation =
                    Observation.of(arrival.synapse, call, request.correlation(), request.method);
            exchange =
                    new ClientExchange(
                            call,
                            request,
                            arrival.endpoints,
                            arrival.client,
                            arrival.policy.answers,
                            arrival.policy.limits().longestWait,
                            arrival.policy.needsWholeAnswers(arrival.synapse),
                            observation);
            // Before the start: an answer can arrive before this thread has left its stack.
            axis2.getOperationContext().setProperty(Properties.RESPONSE_WRITTEN, "SKIP");
            InFlight.add(exchange.client());
            exchange.start();
        } catch (RuntimeException | Error e) {
            call.cancel();
            if (exchange != null && exchange.client().isOver()) {
                LOG.debug("The client left before its call began", e);
                return;
            }
            if (exchange != null) {
                exchange.resume();
            } else if (observation != null) {
                observation.failed();
            }
            axis2.getOperationContext().removeProperty(Properties.RESPONSE_WRITTEN);
            arrival.policy.failed(e);
            throw Faults.exception(arrival.synapse, 500, 500, "The Model Failover policy failed");
        }
    }
}
