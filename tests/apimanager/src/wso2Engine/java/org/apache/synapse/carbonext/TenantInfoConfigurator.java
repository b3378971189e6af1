package org.apache.synapse.carbonext;

import org.apache.synapse.MessageContext;

/** Carries the tenant from one thread to another. */
public interface TenantInfoConfigurator {
    boolean extractTenantInfo(MessageContext in);

    boolean applyTenantInfo(MessageContext out);
}
