package org.modelfailover.gateway.host;

import org.apache.synapse.MessageContext;
import org.apache.synapse.mediators.AbstractMediator;

/**
 * Stands for {@code org.wso2.carbon.apimgt.gateway.mediators.AIAPIMediator}.
 *
 * <p>{@code IN} decides where a request goes that no policy has decided for: the DEFAULT endpoint.
 * The host's also reads the model from the payload and serves the built-in failover and round-robin
 * policies, none of which is deployed here. {@code OUT} collects token counts there and does
 * nothing here.
 */
public final class AiApiMediator extends AbstractMediator {
    private static final String TARGET_ENDPOINT = "TARGET_ENDPOINT";

    private String direction = "IN";

    @Override
    public boolean mediate(MessageContext synCtx) {
        if ("IN".equals(direction) && synCtx.getProperty(TARGET_ENDPOINT) == null) {
            synCtx.setProperty(TARGET_ENDPOINT, "DEFAULT");
        }
        return true;
    }

    @Override
    public boolean isContentAware() {
        return false;
    }

    public void setDirection(String direction) {
        this.direction = direction;
    }
}
