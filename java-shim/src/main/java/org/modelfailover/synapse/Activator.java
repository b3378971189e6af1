package org.modelfailover.synapse;

import org.modelfailover.executor.NativeExecutor;
import org.modelfailover.executor.NativeLibrary;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;

/** Leaves nothing running when the bundle is stopped or replaced. */
public final class Activator implements BundleActivator {
    @Override
    public void start(BundleContext context) {}

    @Override
    public void stop(BundleContext context) {
        InFlight.shutDown();
        GatewayNetwork.shutDown();
        if (NativeLibrary.isLoaded()) {
            NativeExecutor.shutDown();
        }
    }
}
