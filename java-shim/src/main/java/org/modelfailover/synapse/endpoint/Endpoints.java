package org.modelfailover.synapse.endpoint;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.synapse.Mediator;
import org.apache.synapse.config.SynapseConfiguration;
import org.apache.synapse.config.xml.SwitchCase;
import org.apache.synapse.endpoints.AbstractEndpoint;
import org.apache.synapse.endpoints.Endpoint;
import org.apache.synapse.endpoints.IndirectEndpoint;
import org.apache.synapse.mediators.AbstractMediator;
import org.apache.synapse.mediators.ListMediator;
import org.apache.synapse.mediators.filters.FilterMediator;
import org.apache.synapse.mediators.filters.SwitchMediator;
import org.modelfailover.executor.Policy;
import org.modelfailover.executor.UnusableException;
import org.modelfailover.synapse.engine.Engine;

import java.util.ArrayList;
import java.util.List;

/**
 * The endpoints of an API and their credentials, found in the artifacts that API Manager deployed.
 *
 * <p>API Manager puts the endpoints of a key type into one sequence: a switch with a case for each
 * endpoint id, in which the mediators that add the endpoint's credentials stand before the call.
 * What is found is kept until the sequence is deployed again, and then for those requests that find
 * nothing any more, because the API is being undeployed.
 */
public final class Endpoints {
    private static final Log LOG = LogFactory.getLog(Endpoints.class);

    private volatile Deployed deployed;

    /** What was found last. Racy, which does no harm: a target never changes. */
    private final Target[] remembered;

    private static final class Deployed {
        final Mediator sequence;
        final Target[] targets;

        Deployed(Mediator sequence, Target[] targets) {
            this.sequence = sequence;
            this.targets = targets;
        }
    }

    /** The candidates of both key types; null for one that is not configured. */
    public static final class Sections {
        public final Endpoints production;
        public final Endpoints sandbox;
        private final String api;
        private final String version;

        /**
         * @param policy needed no longer than this
         */
        public Sections(Policy policy, String api, String version) {
            this.api = api;
            this.version = version;
            production = section(policy, true);
            sandbox = section(policy, false);
        }

        private Endpoints section(Policy policy, boolean production) {
            String[] ids = policy.endpointIds(production);
            return ids.length == 0 ? null : new Endpoints(api, version, production, ids);
        }

        public boolean isOf(String api, String version) {
            return this.api.equals(api) && this.version.equals(version);
        }

        /** Looks for all endpoints, while what was deployed with the policy is there. */
        public void remember(SynapseConfiguration configuration) {
            for (Endpoints section : new Endpoints[] {production, sandbox}) {
                if (section != null) {
                    section.remember(configuration);
                }
            }
        }
    }

    private final String sequenceName;
    private final String[] endpointIds;

    /**
     * @param api the API's name
     * @param version its version
     * @param production the key type
     * @param endpointIds the endpoint id of each candidate
     */
    public Endpoints(String api, String version, boolean production, String[] endpointIds) {
        this.sequenceName =
                api + "--v" + version + "_EndpointsSeq" + (production ? "PRODUCTION" : "SANDBOX");
        this.endpointIds = endpointIds.clone();
        remembered = new Target[endpointIds.length];
    }

    /** A candidate, for log lines. */
    public String describe(int candidate) {
        return "The Model Failover candidate at the endpoint "
                + endpointIds[candidate]
                + " of "
                + sequenceName;
    }

    private void remember(SynapseConfiguration configuration) {
        for (int i = 0; i < endpointIds.length; i++) {
            try {
                find(configuration, i);
            } catch (UnusableException e) {
                LOG.debug(describe(i) + " is not there: " + e.getMessage());
            }
        }
    }

    /** Finds a candidate's endpoint, or what it was when it is gone. */
    public Target find(SynapseConfiguration configuration, int candidate) throws UnusableException {
        Target known = remembered[candidate];
        try {
            Target found = lookUp(configuration, candidate);
            if (found != known) {
                remembered[candidate] = found;
            }
            return found;
        } catch (UnusableException e) {
            if (known == null) {
                throw e;
            }
            return known;
        }
    }

    private Target lookUp(SynapseConfiguration configuration, int candidate)
            throws UnusableException {
        Object sequence = deployed(configuration, sequenceName);
        if (!(sequence instanceof Mediator)) {
            throw new UnusableException("the sequence " + sequenceName + " is not deployed");
        }
        Deployed known = deployed;
        if (known == null || known.sequence != sequence) {
            known = new Deployed((Mediator) sequence, new Target[endpointIds.length]);
            deployed = known;
        }
        Target target = known.targets[candidate];
        if (target == null) {
            target = search(configuration, known.sequence, endpointIds[candidate]);
            known.targets[candidate] = target;
        }
        return target;
    }

    /**
     * What is deployed by this name. To ask the configuration for what is not there would leave an
     * entry of that name, which stands in the way of the next deployment.
     */
    private static Object deployed(SynapseConfiguration configuration, String name) {
        return configuration.getLocalRegistry().get(name);
    }

    private Target search(SynapseConfiguration configuration, Mediator sequence, String id)
            throws UnusableException {
        ListMediator found = searchCase(sequence, id);
        if (found == null) {
            throw new UnusableException("the sequence " + sequenceName + " has no endpoint " + id);
        }
        List<Mediator> security = new ArrayList<>();
        List<Mediator> signers = new ArrayList<>();
        for (Mediator step : found.getList()) {
            Endpoint endpoint = endpointOf(step);
            if (endpoint != null) {
                return new Target(url(configuration, endpoint, id), security, signers);
            }
            (step.isContentAware() ? signers : security).add(step);
        }
        throw new UnusableException(
                "the endpoint " + id + " in " + sequenceName + " is never called");
    }

    private static ListMediator searchCase(Mediator mediator, String id) {
        if (mediator instanceof SwitchMediator) {
            for (SwitchCase one : ((SwitchMediator) mediator).getCases()) {
                if (one.getRegex() != null && id.equals(one.getRegex().pattern())) {
                    return one.getCaseMediator();
                }
            }
            return null;
        }
        ListMediator found = null;
        if (mediator instanceof FilterMediator) {
            ListMediator otherwise = ((FilterMediator) mediator).getElseMediator();
            found = otherwise == null ? null : searchList(otherwise, id);
        }
        if (found == null && mediator instanceof ListMediator) {
            found = searchList((ListMediator) mediator, id);
        }
        return found;
    }

    private static ListMediator searchList(ListMediator list, String id) {
        for (Mediator child : list.getList()) {
            ListMediator found = searchCase(child, id);
            if (found != null) {
                return found;
            }
        }
        return null;
    }

    /** The endpoint of a call mediator, which only WSO2's engine has; null for any other step. */
    private static Endpoint endpointOf(Mediator step) {
        if (!(step instanceof AbstractMediator)
                || !step.getClass().getSimpleName().equals("CallMediator")) {
            return null;
        }
        try {
            return (Endpoint) Engine.call(step, "getEndpoint");
        } catch (ReflectiveOperationException | ClassCastException e) {
            return null;
        }
    }

    private static String url(SynapseConfiguration configuration, Endpoint endpoint, String id)
            throws UnusableException {
        Object found = endpoint;
        if (endpoint instanceof IndirectEndpoint) {
            String key = ((IndirectEndpoint) endpoint).getKey();
            found = deployed(configuration, key);
            if (found == null) {
                throw new UnusableException("the endpoint " + key + " is not deployed");
            }
        }
        String url =
                found instanceof AbstractEndpoint
                                && ((AbstractEndpoint) found).getDefinition() != null
                        ? ((AbstractEndpoint) found).getDefinition().getAddress()
                        : null;
        if (url == null) {
            throw new UnusableException("the endpoint " + id + " has no URL");
        }
        return url;
    }
}
