package org.modelfailover.apimanager.bench;

import org.modelfailover.apimanager.HostStatics;
import org.modelfailover.gateway.bench.FootprintGateway;
import org.wso2.carbon.databridge.agent.DataPublisher;

import java.io.IOException;

/**
 * A {@link FootprintGateway} with API Manager's own classes around it. What its handlers publish is
 * dropped.
 */
public final class HostGateway {
    private HostGateway() {}

    /** See {@link FootprintGateway}. */
    public static void main(String[] arguments) throws IOException {
        HostStatics.prepare();
        DataPublisher.keep(false);
        FootprintGateway.main(arguments);
    }
}
