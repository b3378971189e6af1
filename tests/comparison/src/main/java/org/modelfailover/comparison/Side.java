package org.modelfailover.comparison;

import org.modelfailover.gateway.PolicyTemplate;
import org.modelfailover.gateway.TestDeployment;

import java.util.Map;

/** The two policies that are compared. */
enum Side {
    OURS {
        @Override
        void attach(TestDeployment api, String stored) {
            api.failover(Map.of("failoverConfigs", stored));
        }
    },

    /** {@code modelFailover} v1: its mediator, and the host's {@code AIAPIMediator} behind it. */
    BUILT_IN {
        private static final String TEMPLATE =
                "<class name=\"org.wso2.carbon.apimgt.gateway.mediators.FailoverMediator\">"
                        + "<property name=\"failoverConfigs\" value=\"{{failoverConfigs}}\"/>"
                        + "</class>";

        @Override
        void attach(TestDeployment api, String stored) {
            api.hostAiMediator();
            try {
                api.policy(PolicyTemplate.render(TEMPLATE, Map.of("failoverConfigs", stored)));
            } catch (PolicyTemplate.Dropped e) {
                // The host writes one line into its log and deploys the API without the policy.
            }
        }
    };

    /**
     * Attaches the policy to an API.
     *
     * @param stored the configuration, as the portal's editor stores it
     */
    abstract void attach(TestDeployment api, String stored);
}
