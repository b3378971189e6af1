package org.modelfailover.synapse;

import org.apache.synapse.Mediator;
import org.apache.synapse.MessageContext;
import org.apache.synapse.config.xml.SwitchCase;
import org.apache.synapse.endpoints.AbstractEndpoint;
import org.apache.synapse.endpoints.Endpoint;
import org.apache.synapse.endpoints.IndirectEndpoint;
import org.apache.synapse.mediators.AbstractMediator;
import org.apache.synapse.mediators.ListMediator;
import org.apache.synapse.mediators.filters.FilterMediator;
import org.apache.synapse.mediators.filters.SwitchMediator;

import java.util.ArrayList;
import java.util.List;

/**
 * The endpoints of an API and their credentials, found in the artifacts that API Manager deployed.
 *
 * <p>API Manager puts the endpoints of a key type into one sequence: a switch with a case for each
 * endpoint id, in which the mediators that add the endpoint's credentials stand before the call.
 * What is found is kept until the sequence is deployed again.
 */
final class Candidates {
    private volatile Deployed deployed;

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
    }

    /** A candidate, for log lines. */
    String describe(int candidate) {
        return "The Model Failover candidate at the endpoint "
                + endpointIds[candidate]
                + " of "
                + sequenceName;
    }

    /** Finds a candidate's endpoint. */
    Target find(MessageContext context, int candidate) throws Unusable {
        Mediator sequence = context.getSequence(sequenceName);
        if (sequence == null) {
            throw new Unusable("the sequence " + sequenceName + " is not deployed");
        }
        Deployed known = deployed;
        if (known == null || known.sequence != sequence) {
            known = new Deployed(sequence, new Target[endpointIds.length]);
            deployed = known;
        }
        Target target = known.targets[candidate];
        if (target == null) {
            target = search(context, sequence, endpointIds[candidate]);
            known.targets[candidate] = target;
        }
        return target;
    }

    private Target search(MessageContext context, Mediator sequence, String id) throws Unusable {
        ListMediator found = searchCase(sequence, id);
        if (found == null) {
            throw new Unusable("the sequence " + sequenceName + " has no endpoint " + id);
        }
        List<Mediator> security = new ArrayList<>();
        List<Mediator> signers = new ArrayList<>();
        for (Mediator step : found.getList()) {
            Endpoint endpoint = endpointOf(step);
            if (endpoint != null) {
                return new Target(url(context, endpoint, id), security, signers);
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

    private static String url(MessageContext context, Endpoint endpoint, String id)
            throws Unusable {
        Endpoint found = endpoint;
        if (endpoint instanceof IndirectEndpoint) {
            String key = ((IndirectEndpoint) endpoint).getKey();
            found = context.getEndpoint(key);
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
