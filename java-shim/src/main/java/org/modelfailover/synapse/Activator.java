package org.modelfailover.synapse;

import org.modelfailover.executor.NativeExecutor;
import org.modelfailover.executor.NativeLibrary;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;

/**
 * Leaves nothing running when the bundle is stopped or replaced, and breaks nothing off.
 *
 * <p>The gateway keeps the mediators that it has deployed, whatever becomes of their bundle: calls
 * under way end by themselves, and requests that still come are served. The threads end when there
 * is nothing to do for a second. Where the whole framework stops, calls end at once.
 */
public final class Activator implements BundleActivator {
    @Override
    public void start(BundleContext context) {
        GatewayNetwork.resume();
        if (NativeLibrary.isLoaded()) {
            NativeExecutor.keepThreads(true);
        }
    }

    @Override
    public void stop(BundleContext context) {
        GatewayNetwork.pause();
        if (!NativeLibrary.isLoaded()) {
            return;
        }
        NativeExecutor.keepThreads(false);
        if (context.getBundle(0).getState() == Bundle.STOPPING) {
            NativeExecutor.shutDown();
        }
    }
}
