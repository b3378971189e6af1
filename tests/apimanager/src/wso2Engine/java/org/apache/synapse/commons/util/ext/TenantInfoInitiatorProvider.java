package org.apache.synapse.commons.util.ext;

import org.modelfailover.apimanager.EngineCalls;

/** Has an initiator that writes down what it is asked for. */
public final class TenantInfoInitiatorProvider {
    private static final TenantInfoInitiator RECORDING =
            new TenantInfoInitiator() {
                @Override
                public void initTenantInfo() {
                    EngineCalls.add("init of nobody");
                }

                @Override
                public void initTenantInfo(String uri) {
                    EngineCalls.add("init " + uri);
                }

                @Override
                public void cleanTenantInfo() {
                    EngineCalls.add("clean");
                }
            };

    private TenantInfoInitiatorProvider() {}

    public static TenantInfoInitiator getTenantInfoInitiator() {
        return RECORDING;
    }
}
