package org.modelfailover.synapse;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.modelfailover.executor.Executor;
import org.modelfailover.executor.NativeLibrary;
import org.modelfailover.synapse.api.GatewaySettings;
import org.modelfailover.synapse.installation.Installation;
import org.modelfailover.synapse.network.GatewayNetwork;
import org.modelfailover.synapse.operation.OperatorBeans;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;

import java.net.URL;
import java.util.Enumeration;

/**
 * Leaves nothing running when the bundle is stopped or replaced, and breaks nothing off.
 *
 * <p>The gateway keeps the mediators that it has deployed, whatever becomes of their bundle: calls
 * under way end by themselves, and requests that still come are served. The threads end when there
 * is nothing to do for a second. Where the whole framework stops, calls end at once.
 */
public final class Activator implements BundleActivator {
    private static final Log LOG = LogFactory.getLog(Activator.class);

    private Installation installation;

    @Override
    public void start(BundleContext context) {
        loadClasses(context.getBundle());
        String version = context.getBundle().getVersion().toString();
        installation = new Installation(version);
        installation.register();
        if (!NativeLibrary.isAvailable()) {
            Installation.sayWithoutLibrary();
            return;
        }
        GatewayNetwork.resume();
        Executor.keepThreads(true);
        OperatorBeans.resume();
        LOG.info(
                "Model Failover "
                        + version
                        + ": native library "
                        + NativeLibrary.source()
                        + "; settings: "
                        + GatewaySettings.read());
    }

    /**
     * Loads every class now. Mediators that are still deployed when the bundle is replaced could
     * load none any more, and an error for want of one can end the engine's own I/O threads.
     */
    private static void loadClasses(Bundle bundle) {
        Enumeration<URL> classes = bundle.findEntries("org/modelfailover", "*.class", true);
        while (classes != null && classes.hasMoreElements()) {
            String path = classes.nextElement().getPath();
            String name = path.substring(path.indexOf("org/"), path.length() - ".class".length());
            try {
                Class.forName(name.replace('/', '.'), false, Activator.class.getClassLoader());
            } catch (ClassNotFoundException | LinkageError e) {
                LOG.debug("One that this engine has no use for: " + name, e);
            }
        }
    }

    @Override
    public void stop(BundleContext context) {
        if (installation != null) {
            installation.unregister();
        }
        GatewayNetwork.pause();
        if (!NativeLibrary.isLoaded()) {
            return;
        }
        OperatorBeans.pause();
        Executor.keepThreads(false);
        if (context.getBundle(0).getState() == Bundle.STOPPING) {
            Executor.shutDown();
        }
    }
}
