package org.modelfailover.bundle;

import org.osgi.framework.Bundle;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.launch.Framework;
import org.wso2.carbon.apimgt.gateway.internal.DataHolder;
import org.wso2.carbon.apimgt.gateway.utils.GatewayUtils;

import java.io.IOException;
import java.io.InputStream;
import java.util.Map;

/**
 * Stands for the bundle {@code org.wso2.carbon.apimgt.gateway}: like that one it exports all its
 * packages but {@code internal}, where it keeps the AI service providers.
 */
final class ApiManagerGateway {
    static final String KNOWN_PROVIDER = DataHolder.KNOWN;
    static final String PRIVATE_CLASS = DataHolder.class.getName();

    private ApiManagerGateway() {}

    static Bundle install(Framework framework) throws BundleException, IOException {
        return framework.getBundleContext().installBundle("apimgt.gateway", jar());
    }

    static InputStream jar() throws IOException {
        return Jars.of(
                Map.of(
                        Constants.BUNDLE_SYMBOLICNAME,
                        "org.wso2.carbon.apimgt.gateway",
                        Constants.EXPORT_PACKAGE,
                        GatewayUtils.class.getPackageName() + ";version=\"9.33.90\""),
                GatewayUtils.class,
                DataHolder.class,
                DataHolder.Provider.class,
                DataHolder.Configuration.class);
    }
}
