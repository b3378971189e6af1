package org.wso2.carbon.apimgt.gateway.utils;

/** Stands for API Manager's class of this name, in a package that its bundle exports. */
public final class GatewayUtils {
    static {
        if (true) {
            throw new IllegalStateException("the class is only looked for, not used");
        }
    }

    private GatewayUtils() {}
}
