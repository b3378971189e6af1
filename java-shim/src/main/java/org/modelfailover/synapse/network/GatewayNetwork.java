package org.modelfailover.synapse.network;

import org.apache.axis2.engine.AxisConfiguration;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.synapse.core.SynapseEnvironment;
import org.modelfailover.executor.Network;
import org.modelfailover.synapse.api.GatewaySettings;
import org.modelfailover.synapse.engine.Engine;
import org.modelfailover.synapse.engine.HousekeepingThread;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Lets the native executor call providers as the gateway calls any other endpoint: it is told of
 * the transport senders' configuration when the first policy is deployed, and again when one of the
 * files that belong to it has changed.
 */
public final class GatewayNetwork {
    /** How soon a changed truststore counts, at most. */
    private static final long PERIOD_SECONDS = 2;

    private static final Log LOG = LogFactory.getLog(GatewayNetwork.class);

    private static AxisConfiguration configuration;

    /** The files of the last reading. */
    private static KeyStores files;

    /** Whether something was wrong with it. */
    private static boolean flawed;

    /** Whether the native executor has had a configuration without an error. */
    private static boolean complete;

    private static List<String> said;
    private static ScheduledExecutorService watcher;

    /** How many policies are deployed. */
    private static int followers;

    /** Whether the bundle is stopped. */
    private static boolean paused;

    private GatewayNetwork() {}

    /** Called when a policy is deployed; looks at a gateway's configuration once. */
    public static synchronized void follow(SynapseEnvironment environment) {
        AxisConfiguration current = Engine.of().transports(environment);
        if (current != null && current != configuration) {
            complete = false;
            said = new ArrayList<>();
            read(current, true);
            configuration = current;
        }
        followers++;
        watch();
    }

    /** Called when a policy is undeployed. */
    public static synchronized void leave() {
        followers--;
        watch();
    }

    public static synchronized void pause() {
        paused = true;
        watch();
    }

    public static synchronized void resume() {
        paused = false;
        watch();
    }

    private static void watch() {
        boolean wanted = followers > 0 && !paused && configuration != null;
        if (wanted && watcher == null) {
            watcher =
                    Executors.newSingleThreadScheduledExecutor(
                            work -> {
                                Thread thread = new Thread(work, "model-failover-network");
                                thread.setDaemon(true);
                                thread.setContextClassLoader(GatewayNetwork.class.getClassLoader());
                                return thread;
                            });
            watcher.scheduleWithFixedDelay(
                    GatewayNetwork::look, PERIOD_SECONDS, PERIOD_SECONDS, TimeUnit.SECONDS);
        } else if (!wanted && watcher != null) {
            // Not by an interrupt: it may be reading a truststore.
            watcher.shutdown();
            watcher = null;
        }
    }

    private static synchronized void look() {
        try {
            boolean changed = files.changed();
            if (configuration != null && (changed || flawed)) {
                read(configuration, changed);
            }
        } catch (RuntimeException | Error e) {
            // One that is thrown would be the last of this watch.
            HousekeepingThread.say("The gateway's truststore can't be looked after", e);
        }
    }

    private static void read(AxisConfiguration from, boolean changed) {
        TransportSenders senders = new TransportSenders(from);
        List<String> lines = new ArrayList<>();
        senders.errors.forEach(error -> lines.add("ERROR " + error));
        senders.warnings.forEach(warning -> lines.add("WARN " + warning));
        files = senders.stores;
        flawed = !senders.errors.isEmpty();
        if (!flawed || !complete && changed) {
            lines.addAll(Arrays.asList(handOver(senders)));
            complete |= !flawed;
            LOG.info("Providers are called over the network of the gateway's transport senders");
        }
        senders.forgetKeys();
        if (!lines.equals(said)) {
            said = lines;
            lines.forEach(line -> GatewaySettings.log(LOG, "The gateway's transport: ", line));
        }
    }

    private static String[] handOver(TransportSenders senders) {
        Network network =
                new Network(senders.hostnameVerifier, senders.protocols, senders.cipherSuites);
        for (TransportSenders.Profile profile : senders.profiles) {
            KeyStores.Trusted trusted = profile.trusted;
            network.addProfile(
                    trusted == null ? null : trusted.source,
                    profile.servers,
                    trusted == null ? null : trusted.authorities,
                    trusted == null ? null : trusted.own);
            for (KeyStores.Identity identity : profile.identities) {
                network.addIdentity(identity.source, identity.chain, identity.key);
            }
        }
        for (TransportSenders.Proxy proxy : senders.proxies) {
            network.addProxy(
                    proxy.secure,
                    proxy.hosts,
                    proxy.bypass,
                    proxy.host,
                    proxy.port,
                    proxy.user,
                    proxy.password);
        }
        return network.use();
    }
}
