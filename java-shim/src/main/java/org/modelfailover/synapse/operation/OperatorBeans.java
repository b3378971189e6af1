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
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;

/**
 * The MXBeans of the candidates and one of the gateway, beside Synapse's own. They come soon after
 * the first request of an API and go with its candidates, or with the bundle. As many as {@link
 * Candidate#list} has.
 */
public final class OperatorBeans {
    private static final Log LOG = LogFactory.getLog(OperatorBeans.class);

    /** Whoever reads all attributes asks the native side once for a while. */
    private static final long FRESH_NANOS = 500_000_000L;

    private static final long GATHERED = 20_000_000L;
    private static final AtomicBoolean AWAITED = new AtomicBoolean();

    private static final String GATEWAY = "org.apache.synapse:Type=ModelFailover,Name=\"gateway\"";

    private static final Set<ObjectName> REGISTERED = new HashSet<>();
    private static boolean paused;
    private static final Reading<Map<ObjectName, Candidate>> CANDIDATES =
            new Reading<>(OperatorBeans::list);
    private static final Reading<Map<String, Long>> NUMBERS = new Reading<>(Executor::numbers);

    /** What the native side was asked for, for a while. */
    private static final class Reading<T> {
        private final Supplier<T> source;
        private T read;
        private long at;

        Reading(Supplier<T> source) {
            this.source = source;
        }

        T get() {
            long now = System.nanoTime();
            if (read == null || now - at > FRESH_NANOS) {
                read = source.get();
                at = now;
            }
            return read;
        }

        void forget() {
            read = null;
        }
    }

    private OperatorBeans() {}

    /** Has the log told what operators do through the listener for metrics. */
    public static synchronized void keepJournal() {
        if (!paused) {
            Executor.tell(LOG::info);
        }
    }

    /**
     * Has candidates registered that are new, and those taken away that are gone: soon, by a thread
     * that ends with it. It looks at all of them, so of many deployments one does it for those that
     * follow within {@link #GATHERED}.
     */
    public static void refresh() {
        if (NativeLibrary.isLoaded() && AWAITED.compareAndSet(false, true)) {
            Thread thread = new Thread(OperatorBeans::refreshSoon, "model-failover-beans");
            thread.setDaemon(true);
            thread.setContextClassLoader(null);
            thread.start();
        }
    }

    private static void refreshSoon() {
        LockSupport.parkNanos(GATHERED);
        AWAITED.set(false);
        refreshNow();
    }

    private static synchronized void refreshNow() {
        if (paused) {
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
        forget();
    }

    /** The candidates as they stood half a second ago or later. */
    static synchronized Map<ObjectName, Candidate> candidates() {
        return CANDIDATES.get();
    }

    /** The numbers of the gateway, in the same way. */
    static synchronized Map<String, Long> numbers() {
        return NUMBERS.get();
    }

    private static Map<ObjectName, Candidate> list() {
        Map<ObjectName, Candidate> candidates = new LinkedHashMap<>();
        for (Candidate candidate : Candidate.list()) {
            candidates.put(CandidateBean.nameOf(candidate), candidate);
        }
        return candidates;
    }

    static Candidate find(ObjectName name) {
        return candidates().get(name);
    }

    /** The next who looks sees it as it is then. */
    static synchronized void forget() {
        CANDIDATES.forget();
        NUMBERS.forget();
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
