package org.modelfailover.synapse.api;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.synapse.Mediator;
import org.apache.synapse.MessageContext;
import org.apache.synapse.config.SynapseConfiguration;
import org.apache.synapse.core.SynapseEnvironment;
import org.modelfailover.executor.InvalidConfigurationException;
import org.modelfailover.executor.NativeLibrary;
import org.modelfailover.executor.Policy;
import org.modelfailover.synapse.endpoint.Endpoints;
import org.modelfailover.synapse.engine.Answers;
import org.modelfailover.synapse.engine.Engine;
import org.modelfailover.synapse.engine.InFlight;
import org.modelfailover.synapse.engine.Properties;
import org.modelfailover.synapse.installation.Installation;
import org.modelfailover.synapse.network.GatewayNetwork;
import org.modelfailover.synapse.operation.OperatorBeans;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A policy in an API's flow, from its deployment on. Requests that are in the flow when it is
 * undeployed are served: they have the API that they use, those that come yet get one of their own.
 */
public final class DeployedPolicy {
    private static final Log LOG = LogFactory.getLog(DeployedPolicy.class);

    private static final String NOT_INITIALISED = "The Model Failover policy was not initialised";

    private final Mediator mediator;
    private final ResponsePolicies responsePolicies = new ResponsePolicies();

    /** The answers to its API's requests. */
    public final Answers answers = new Answers();

    private String failoverConfigs = "";
    private String settings = "";
    private volatile String where = ApiNames.UNKNOWN;
    private volatile String unusable = NOT_INITIALISED;
    private volatile HostRouting hostRouting;
    private boolean initialised;
    private boolean followsNetwork;
    private Policy policy;
    private volatile AttachedApi attached;

    /**
     * The endpoints, known for as long as requests may come: longer than the policy is deployed.
     */
    private volatile Endpoints.Sections sections;

    /** For as long as requests may come. */
    private volatile Policy.Limits limits;

    /** The same policy with settings of a companion over its own, by those. */
    private final Map<String, DeployedPolicy> companions = new ConcurrentHashMap<>();

    /** The most of them: a companion stands in a flow, and a flow has few. */
    private static final int MOST_COMPANIONS = 32;

    /**
     * @param mediator where the policy stands
     */
    public DeployedPolicy(Mediator mediator) {
        this.mediator = mediator;
    }

    /** Sets the configuration, decoded. */
    public void setFailoverConfigs(String value) {
        failoverConfigs = value;
    }

    /** Sets what the API sets for itself, as the template carries it. */
    public void setSettings(String value) {
        settings = value;
    }

    /**
     * The policy as a request sees it that has come past a companion.
     *
     * @param companion what that has set, or null
     */
    public DeployedPolicy with(Object companion, SynapseEnvironment environment) {
        if (!(companion instanceof String) || ((String) companion).isEmpty()) {
            return this;
        }
        DeployedPolicy known = companions.get(companion);
        return known != null ? known : deployWith((String) companion, environment);
    }

    private DeployedPolicy deployWith(String companion, SynapseEnvironment environment) {
        if (companions.size() >= MOST_COMPANIONS) {
            LOG.warn(where + ": settings of more companions than it takes are left out");
            return this;
        }
        DeployedPolicy made = new DeployedPolicy(mediator);
        made.failoverConfigs = failoverConfigs;
        // The later one counts.
        made.settings = settings.isEmpty() ? companion : settings + "&" + companion;
        made.deploy(environment);
        synchronized (this) {
            DeployedPolicy known = initialised ? companions.putIfAbsent(companion, made) : null;
            if (known == null && initialised) {
                return made;
            }
            // Of one that is gone it serves this request alone.
            made.undeploy();
            return known == null ? made : known;
        }
    }

    /** Reads the configuration, and says what is wrong with it. */
    public synchronized void deploy(SynapseEnvironment environment) {
        if (initialised) {
            return;
        }
        initialised = true;
        sections = null;
        SynapseConfiguration configuration = environment.getSynapseConfiguration();
        where = ApiNames.describe(configuration, mediator);
        if (!NativeLibrary.isAvailable()) {
            hostRouting = new HostRouting(failoverConfigs);
            unusable = null;
            Installation.sayWithoutLibrary();
            return;
        }
        try {
            policy = open();
            GatewayNetwork.follow(environment);
            followsNetwork = true;
            limits = policy.limits;
            say(policy.diagnostics());
            String api = ApiNames.restApi(configuration, mediator);
            if (api != null) {
                String name = ApiNames.name(api);
                sections = new Endpoints.Sections(policy, name, ApiNames.version(api));
                sections.remember(configuration);
            }
            unusable = null;
            InFlight.soon(() -> lookAtResponsePolicies(configuration));
        } catch (InvalidConfigurationException e) {
            unusable = "The Model Failover policy is not configured correctly: " + e.getMessage();
            LOG.error(where + " can't be used: " + e.getMessage());
        } catch (LinkageError e) {
            unusable = "The Model Failover policy does not fit this gateway";
            LOG.error(where + " can't be used: it does not fit this gateway", e);
        }
    }

    private Policy open() {
        return GatewaySettings.open(failoverConfigs, settings);
    }

    /** Not while the API is being deployed: its response policies come after this one. */
    private void lookAtResponsePolicies(SynapseConfiguration configuration) {
        String api = ApiNames.restApi(configuration, mediator);
        if (api != null) {
            responsePolicies.needBody(configuration, api);
        }
    }

    /** Whether the response flow of a request's API needs whole answers. */
    public boolean needsWholeAnswers(MessageContext synCtx) {
        Object api = synCtx.getProperty(Properties.REST_API);
        return api != null && responsePolicies.needBody(synCtx.getConfiguration(), api.toString());
    }

    private void say(String[] diagnostics) {
        for (String line : diagnostics) {
            GatewaySettings.log(LOG, where + ": ", line);
        }
    }

    /** Says that it failed at a request. */
    public void failed(Throwable why) {
        LOG.error(where + " failed", why);
    }

    /** Gives up what no request uses. */
    public synchronized void undeploy() {
        initialised = false;
        companions.values().forEach(DeployedPolicy::undeploy);
        companions.clear();
        if (followsNetwork) {
            GatewayNetwork.leave();
            followsNetwork = false;
        }
        if (attached != null) {
            attached.release();
            attached = null;
        }
        if (policy != null) {
            policy.close();
            policy = null;
            OperatorBeans.refresh();
        }
    }

    /**
     * Why no request can be served, or null. The host shows a sequence to requests before it
     * initialises its mediators.
     */
    public String unusable(MessageContext synCtx) {
        if (NOT_INITIALISED.equals(unusable)) {
            deployFirst(synCtx.getEnvironment());
        }
        if (unusable != null) {
            sayWhere(synCtx);
        }
        return unusable;
    }

    /**
     * Whether requests go the host's own way, because there is no native library. A policy that
     * can't be read without it must not take the API down.
     */
    public boolean isWithoutLibrary() {
        return hostRouting != null;
    }

    /** Lets a request go the host's own way. */
    public void handOn(MessageContext synCtx) {
        Installation.handedOn();
        hostRouting.mediate(synCtx);
    }

    /**
     * Looked at again under the lock: what was initialised and destroyed meanwhile would be
     * nobody's to close.
     */
    private synchronized void deployFirst(SynapseEnvironment environment) {
        if (NOT_INITIALISED.equals(unusable)) {
            deploy(environment);
        }
    }

    /**
     * Some hosts deploy a sequence before they give it its name: then the API is named here, once.
     */
    private void sayWhere(MessageContext synCtx) {
        if (ApiNames.UNKNOWN.equals(where)) {
            String api = restApi(synCtx);
            where = ApiNames.describe(text(synCtx, Properties.API_NAME, api), api);
            LOG.error(where + ": " + unusable);
        }
    }

    public Policy.Limits limits() {
        return limits;
    }

    /** The API of a request with the policy, for a user who has to release it. */
    public AttachedApi attached(MessageContext synCtx) {
        String tenant = text(synCtx, Properties.TENANT, "carbon.super");
        String restApi = restApi(synCtx);
        String api = ApiNames.name(text(synCtx, Properties.API_NAME, restApi));
        String version = text(synCtx, Properties.API_VERSION, ApiNames.version(restApi));
        AttachedApi known = attached;
        return known != null && known.isStill(tenant, api, version) && known.acquire()
                ? known
                : attach(synCtx, known, tenant, api, version);
    }

    /**
     * @param seen the one that will not do
     */
    private synchronized AttachedApi attach(
            MessageContext synCtx, AttachedApi seen, String tenant, String api, String version) {
        AttachedApi known = attached;
        if (known != null && known != seen && known.is(tenant, api, version)) {
            known.acquire();
            return known;
        }
        boolean deployed = policy != null;
        Policy from = deployed ? policy : open();
        AttachedApi fresh;
        try {
            Endpoints.Sections endpoints = sections;
            if (endpoints == null || !endpoints.isOf(api, version)) {
                endpoints = new Endpoints.Sections(from, api, version);
                sections = endpoints;
            }
            endpoints.remember(synCtx.getConfiguration());
            fresh =
                    new AttachedApi(
                            from,
                            tenant,
                            api,
                            version,
                            endpoints,
                            AiProvider.of(synCtx),
                            Engine.of().credentialHeaders(synCtx));
        } finally {
            if (!deployed) {
                from.close();
            }
        }
        if (!deployed) {
            // This request's alone.
            return fresh;
        }
        try {
            announce(fresh);
        } catch (RuntimeException | Error e) {
            fresh.release();
            throw e;
        }
        fresh.acquire();
        attached = fresh;
        OperatorBeans.refresh();
        if (known != null) {
            known.release();
        }
        return fresh;
    }

    private void announce(AttachedApi api) {
        say(api.policy.diagnostics());
        if (api.missingProvider() != null) {
            LOG.warn(
                    where
                            + ": the gateway does not know the API's AI service provider "
                            + api.missingProvider()
                            + "; the model is looked for in path and body");
        }
    }

    private static String restApi(MessageContext synCtx) {
        return text(synCtx, Properties.REST_API, "");
    }

    private static String text(MessageContext synCtx, String property, String otherwise) {
        Object value = synCtx.getProperty(property);
        return value == null ? otherwise : value.toString();
    }
}
