package org.modelfailover.synapse;

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
import org.modelfailover.executor.NativeExecutor;

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
final class Candidates {
    private static final Log LOG = LogFactory.getLog(Candidates.class);

    private volatile Deployed deployed;

    /** What was found last. Racy, which does no harm: a target never changes. */
    private final Target[] remembered;

    /** One endpoint. Never changed, because it is handed from thread to thread without a lock. */
    static final class Target {
        /** The endpoint's URL. */
        final String url;

        /** Add the endpoint's credentials, in order. */
        final List<Mediator> security;

        /** Make credentials of the request as it is sent, body included: signatures. */
        final List<Mediator> signers;

        /** The URL without what may be a credential, for the host's analytics. */
        final String address;

        private Target(String url, List<Mediator> security, List<Mediator> signers) {
            this.url = url;
            address = Query.bare(url);
            this.security = List.copyOf(security);
            this.signers = List.copyOf(signers);
        }

        boolean hasCredentials() {
            return !security.isEmpty() || !signers.isEmpty();
        }
    }

    private static final class Deployed {
        final Mediator sequence;
        final Target[] targets;

        Deployed(Mediator sequence, Target[] targets) {
            this.sequence = sequence;
            this.targets = targets;
        }
    }

    /** A candidate can't be called; the message says why. */
    static final class Unusable extends Exception {
        private static final long serialVersionUID = 1L;

        Unusable(String message) {
            super(message);
        }
    }

    /** The candidates of both key types; null for one that is not configured. */
    static final class Sections {
        final Candidates production;
        final Candidates sandbox;
        private final String api;
        private final String version;

        /**
         * @param policy a native handle, needed no longer than this
         */
        Sections(long policy, String api, String version) {
            this.api = api;
            this.version = version;
            production = section(policy, true);
            sandbox = section(policy, false);
        }

        private Candidates section(long policy, boolean production) {
            String[] ids = NativeExecutor.endpointIds(policy, production);
            return ids.length == 0 ? null : new Candidates(api, version, production, ids);
        }

        boolean isOf(String api, String version) {
            return this.api.equals(api) && this.version.equals(version);
        }

        /** Looks for all endpoints, while what was deployed with the policy is there. */
        void remember(SynapseConfiguration configuration) {
            for (Candidates section : new Candidates[] {production, sandbox}) {
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
    Candidates(String api, String version, boolean production, String[] endpointIds) {
        this.sequenceName =
                api + "--v" + version + "_EndpointsSeq" + (production ? "PRODUCTION" : "SANDBOX");
        this.endpointIds = endpointIds.clone();
        remembered = new Target[endpointIds.length];
    }

    /** A candidate, for log lines. */
    String describe(int candidate) {
        return "The Model Failover candidate at the endpoint "
                + endpointIds[candidate]
                + " of "
                + sequenceName;
    }

    private void remember(SynapseConfiguration configuration) {
        for (int i = 0; i < endpointIds.length; i++) {
            try {
                find(configuration, i);
            } catch (Unusable e) {
                LOG.debug(describe(i) + " is not there: " + e.getMessage());
            }
        }
    }

    /** Finds a candidate's endpoint, or what it was when it is gone. */
    Target find(SynapseConfiguration configuration, int candidate) throws Unusable {
        Target known = remembered[candidate];
        try {
            Target found = lookUp(configuration, candidate);
            if (found != known) {
                remembered[candidate] = found;
            }
            return found;
        } catch (Unusable e) {
            if (known == null) {
                throw e;
            }
            return known;
        }
    }

    private Target lookUp(SynapseConfiguration configuration, int candidate) throws Unusable {
        Object sequence = deployed(configuration, sequenceName);
        if (!(sequence instanceof Mediator)) {
            throw new Unusable("the sequence " + sequenceName + " is not deployed");
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
            throws Unusable {
        ListMediator found = searchCase(sequence, id);
        if (found == null) {
            throw new Unusable("the sequence " + sequenceName + " has no endpoint " + id);
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
        throw new Unusable("the endpoint " + id + " in " + sequenceName + " is never called");
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
            throws Unusable {
        Object found = endpoint;
        if (endpoint instanceof IndirectEndpoint) {
            String key = ((IndirectEndpoint) endpoint).getKey();
            found = deployed(configuration, key);
            if (found == null) {
                throw new Unusable("the endpoint " + key + " is not deployed");
            }
        }
        String url =
                found instanceof AbstractEndpoint
                                && ((AbstractEndpoint) found).getDefinition() != null
                        ? ((AbstractEndpoint) found).getDefinition().getAddress()
                        : null;
        if (url == null) {
            throw new Unusable("the endpoint " + id + " has no URL");
        }
        return url;
    }

    /**
     * Joins an endpoint's URL with the rest of the request's path, as the engine does: one slash
     * between them, none before a query.
     */
    static String join(String url, String postfix) {
        String rest = postfix == null ? "" : postfix;
        String base = url.endsWith("/") ? url.substring(0, url.length() - 1) : url;
        if (rest.isEmpty() || rest.equals("/")) {
            return rest.isEmpty() ? url : base + "/";
        }
        if (rest.startsWith("/?")) {
            return base + rest.substring(1);
        }
        return rest.startsWith("/") || rest.startsWith("?") ? base + rest : base + "/" + rest;
    }
}
