package org.modelfailover.synapse.api;

import org.modelfailover.executor.AttachedPolicy;
import org.modelfailover.executor.Policy;
import org.modelfailover.synapse.endpoint.Endpoints;

import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * An API with the policy attached to it. Its users are counted, the mediator being the first of
 * them; the last one closes the native side of it, so that a request never finds that closed.
 */
public final class AttachedApi {
    private final String tenant;
    private final String name;
    private final String version;
    private final AiProvider provider;
    private final AtomicInteger users = new AtomicInteger(1);

    /** Where the candidates of both key types are. */
    public final Endpoints.Sections endpoints;

    public final AttachedPolicy policy;

    /**
     * @param policy needed no longer than this
     * @param credentialHeaders the headers that hold the credentials for the gateway itself
     */
    AttachedApi(
            Policy policy,
            String tenant,
            String name,
            String version,
            Endpoints.Sections endpoints,
            AiProvider provider,
            Set<String> credentialHeaders) {
        this.tenant = tenant;
        this.name = name;
        this.version = version;
        this.endpoints = endpoints;
        this.provider = provider;
        this.policy =
                policy.attach(
                        tenant,
                        name,
                        version,
                        provider.description(),
                        credentialHeaders.toArray(new String[0]));
    }

    /** Whether it is this one, and its provider is still what it was. */
    boolean isStill(String tenant, String name, String version) {
        return is(tenant, name, version) && !provider.hasChanged();
    }

    boolean is(String tenant, String name, String version) {
        return this.name.equals(name) && this.version.equals(version) && this.tenant.equals(tenant);
    }

    /** The id of a provider that the API names and of which nothing is known; else null. */
    String missingProvider() {
        return provider.missing();
    }

    /** Counts another user; false when the last one has left. */
    public boolean acquire() {
        int now = users.get();
        while (now > 0 && !users.compareAndSet(now, now + 1)) {
            now = users.get();
        }
        return now > 0;
    }

    /** A user leaves. */
    public void release() {
        if (users.decrementAndGet() == 0) {
            policy.close();
        }
    }
}
