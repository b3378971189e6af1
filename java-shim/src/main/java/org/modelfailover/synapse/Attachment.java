package org.modelfailover.synapse;

import org.modelfailover.executor.NativeExecutor;

import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A policy, bound to the API whose requests it sees. Its users are counted, the mediator being the
 * first of them; the last one closes the native handle, so that a request never finds it closed.
 */
final class Attachment {
    final String tenant;
    final String api;
    final String version;
    final long bound;
    final Candidates.Sections candidates;
    final AiProvider provider;
    final Set<String> credentialHeaders;
    private final AtomicInteger users = new AtomicInteger(1);

    /**
     * @param policy a native handle, needed no longer than this
     */
    Attachment(
            long policy,
            String tenant,
            String api,
            String version,
            AiProvider provider,
            Set<String> credentialHeaders,
            Candidates.Sections candidates) {
        this.tenant = tenant;
        this.api = api;
        this.version = version;
        this.provider = provider;
        this.credentialHeaders = credentialHeaders;
        this.candidates = candidates;
        bound = NativeExecutor.bind(policy, tenant, api, version, provider.description());
    }

    boolean isOf(String tenant, String api, String version) {
        return this.api.equals(api) && this.version.equals(version) && this.tenant.equals(tenant);
    }

    /** Counts another user; false when the last one has left. */
    boolean acquire() {
        int now = users.get();
        while (now > 0 && !users.compareAndSet(now, now + 1)) {
            now = users.get();
        }
        return now > 0;
    }

    /** A user leaves. */
    void release() {
        if (users.decrementAndGet() == 0) {
            NativeExecutor.close(bound);
        }
    }
}
