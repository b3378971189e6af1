package org.apache.synapse.commons.util.ext;

/** Sets the tenant on a thread. */
public interface TenantInfoInitiator {
    void initTenantInfo();

    void initTenantInfo(String uri);

    void cleanTenantInfo();
}
