package org.modelfailover.synapse.installation;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.modelfailover.executor.NativeLibrary;

import java.lang.management.ManagementFactory;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;

/**
 * Tells operators what is installed: one line in the log at the start, the attributes of an MXBean
 * that stands beside Synapse's own, and one ERROR when the native library can't be loaded.
 */
public final class Installation implements InstallationMXBean {
    private static final Log LOG = LogFactory.getLog(Installation.class);
    private static final AtomicLong HANDED_ON = new AtomicLong();
    private static final AtomicBoolean SAID = new AtomicBoolean();

    private final String version;
    private ObjectName name;

    /**
     * @param version the bundle's
     */
    public Installation(String version) {
        this.version = version;
    }

    /** Registers the MXBean; a copy of the same version that is registered already stays. */
    public void register() {
        try {
            ObjectName wanted =
                    new ObjectName(
                            "org.apache.synapse:Type=ModelFailover,Name="
                                    + ObjectName.quote(version));
            MBeanServer server = ManagementFactory.getPlatformMBeanServer();
            if (!server.isRegistered(wanted)) {
                server.registerMBean(this, wanted);
                name = wanted;
            }
        } catch (JMException e) {
            LOG.warn("Model Failover can't be seen through JMX", e);
        }
    }

    /** Takes it away again. */
    public void unregister() {
        try {
            if (name != null) {
                ManagementFactory.getPlatformMBeanServer().unregisterMBean(name);
            }
        } catch (JMException e) {
            LOG.debug("It is gone already", e);
        }
    }

    /** Says once, for all APIs, that there is no native library, what follows, and what to do. */
    public static void sayWithoutLibrary() {
        if (SAID.compareAndSet(false, true)) {
            LOG.error(
                    "Model Failover does not fail over: "
                            + NativeLibrary.failure()
                            + ". Requests to its APIs go the host's own way to the target, without"
                            + " failover, until this is put right and the server is restarted;"
                            + " install.sh --check APIM_HOME examines the installation");
        }
    }

    /** Counts a request that goes the host's own way for want of the library. */
    public static void handedOn() {
        HANDED_ON.incrementAndGet();
    }

    @Override
    public String getVersion() {
        return version;
    }

    @Override
    public boolean isLibraryLoaded() {
        return NativeLibrary.isLoaded();
    }

    @Override
    public String getLibrary() {
        return Objects.toString(NativeLibrary.source(), "");
    }

    @Override
    public String getFailure() {
        return NativeLibrary.isLoaded() ? "" : Objects.toString(NativeLibrary.failure(), "");
    }

    @Override
    public long getRequestsHandedOn() {
        return HANDED_ON.get();
    }
}
