package org.modelfailover.synapse.endpoint;

import org.apache.synapse.Mediator;
import org.modelfailover.executor.Executor;

import java.util.List;

/** One endpoint. Never changed, because it is handed from thread to thread without a lock. */
public final class Target {
    /** The endpoint's URL. */
    final String url;

    /** Add the endpoint's credentials, in order. */
    final List<Mediator> security;

    /** Make credentials of the request as it is sent, body included: signatures. */
    final List<Mediator> signers;

    /** The URL without what may be a credential, for the host's analytics. */
    public final String address;

    Target(String url, List<Mediator> security, List<Mediator> signers) {
        this.url = url;
        address = Executor.address(url);
        this.security = List.copyOf(security);
        this.signers = List.copyOf(signers);
    }

    boolean hasCredentials() {
        return !security.isEmpty() || !signers.isEmpty();
    }
}
