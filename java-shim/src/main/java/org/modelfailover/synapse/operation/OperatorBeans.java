package org.modelfailover.synapse.operation;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.modelfailover.executor.Candidate;
import org.modelfailover.executor.Executor;
import org.modelfailover.executor.NativeLibrary;

import java.lang.management.ManagementFactory;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;

/**
 * The MXBeans of the candidates and one of the gateway, beside Synapse's own. They come with the
 * first request of an API and go with its candidates, or with the bundle. As many as {@link
 * Candidate#list} has.
 */
public final class OperatorBeans {
    private static final Log LOG = LogFactory.getLog(OperatorBeans.class);

    /** Whoever reads all attributes of all candidates asks the native side once for a while. */
    private static final long FRESH_NANOS = 500_000_000L;

    private static final String GATEWAY = "org.apache.synapse:Type=ModelFailover,Name=\"gateway\"";

    private static final Set<ObjectName> REGISTERED = new HashSet<>();
    private static boolean paused;
    private static Map<ObjectName, Candidate> known = Map.of();
    private static long readAt;
    private static boolean isRead;

    private OperatorBeans() {}

    /** Has the log told what operators do through the listener for metrics. */
    public static synchronized void keepJournal() {
        if (!paused) {
            Executor.tell(LOG::info);
        }
    }

    /** Registers candidates that are new, and takes those away that are gone. */
    public static synchronized void refresh() {
        if (paused || !NativeLibrary.isLoaded()) {
            return;
        }
        forget();
        MBeanServer server = ManagementFactory.getPlatformMBeanServer();
        Map<ObjectName, Candidate> candidates = candidates();
        try {
            ObjectName gateway = new ObjectName(GATEWAY);
            for (ObjectName name : Set.copyOf(REGISTERED)) {
                if (!candidates.containsKey(name) && !name.equals(gateway)) {
                    unregister(server, name);
                }
            }
            register(server, gateway, new GatewayBean());
            for (ObjectName name : candidates.keySet()) {
                register(server, name, new CandidateBean(name));
            }
        } catch (JMException e) {
            LOG.warn("Candidates can't be seen through JMX", e);
        }
        forget();
    }

    private static void register(MBeanServer server, ObjectName name, Object bean)
            throws JMException {
        if (!REGISTERED.contains(name)) {
            if (server.isRegistered(name)) {
                // Of a copy of the bundle that was replaced without being stopped.
                server.unregisterMBean(name);
            }
            server.registerMBean(bean, name);
            REGISTERED.add(name);
        }
    }

    private static void unregister(MBeanServer server, ObjectName name) {
        REGISTERED.remove(name);
        try {
            server.unregisterMBean(name);
        } catch (JMException e) {
            LOG.debug("It is gone already", e);
        }
    }

    /** The bundle runs. */
    public static synchronized void resume() {
        paused = false;
    }

    /** The bundle is stopped: nothing of it stays with the server. */
    public static synchronized void pause() {
        paused = true;
        Executor.tell(null);
        MBeanServer server = ManagementFactory.getPlatformMBeanServer();
        Set.copyOf(REGISTERED).forEach(name -> unregister(server, name));
        known = Map.of();
        isRead = false;
    }

    /** The candidates as they stood half a second ago or later. */
    static synchronized Map<ObjectName, Candidate> candidates() {
        long now = System.nanoTime();
        if (!isRead || now - readAt > FRESH_NANOS) {
            Map<ObjectName, Candidate> fresh = new LinkedHashMap<>();
            for (Candidate candidate : Candidate.list()) {
                fresh.put(CandidateBean.nameOf(candidate), candidate);
            }
            known = fresh;
            readAt = now;
            isRead = true;
        }
        return known;
    }

    static Candidate find(ObjectName name) {
        return candidates().get(name);
    }

    /** The next who looks sees it as it is then. */
    static synchronized void forget() {
        isRead = false;
    }

    static boolean isOut(Candidate candidate) {
        switch (candidate.state()) {
            case SUSPENDED:
            case PROBING:
            case DUE:
            case HELD:
                return true;
            default:
                return false;
        }
    }
}
