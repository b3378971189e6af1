package org.modelfailover.gateway.demo;

import org.modelfailover.executor.Executor;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.rmi.registry.LocateRegistry;
import java.util.Map;

import javax.management.remote.JMXConnectorServer;
import javax.management.remote.JMXConnectorServerFactory;
import javax.management.remote.JMXServiceURL;

/** What operators look through: the listener for metrics, and JMX as API Manager has it. */
final class Operations implements AutoCloseable {
    static final String TOKEN = "demo";

    private static final int METRICS = 9464;
    private static final int JMX = 9999;

    private final int metricsPort = freeOr(METRICS);
    private final int jmxPort = freeOr(JMX);
    private JMXConnectorServer server;

    /** This port if it is free, else another one. */
    private static int freeOr(int port) {
        for (int candidate : new int[] {port, 0}) {
            try (ServerSocket socket =
                    new ServerSocket(candidate, 1, InetAddress.getLoopbackAddress())) {
                return socket.getLocalPort();
            } catch (IOException e) {
                continue;
            }
        }
        return 0;
    }

    String settings() {
        return "[apim.ai.model_failover]\nmetrics_listen = \"127.0.0.1:"
                + metricsPort
                + "\"\nmetrics_token = \""
                + TOKEN
                + "\"\nmetrics_drills = true\nclient_control = true\n";
    }

    /** Where the page is, once the settings are deployed. */
    String page() {
        return "http://" + Executor.metricsAddress() + "/";
    }

    String jmx() {
        return "service:jmx:rmi:///jndi/rmi://127.0.0.1:" + jmxPort + "/jmxrmi";
    }

    /** Lets JConsole in, from this machine alone. */
    void start() throws IOException {
        System.setProperty("java.rmi.server.hostname", "127.0.0.1");
        LocateRegistry.createRegistry(jmxPort);
        server =
                JMXConnectorServerFactory.newJMXConnectorServer(
                        new JMXServiceURL(jmx()),
                        Map.of(),
                        ManagementFactory.getPlatformMBeanServer());
        server.start();
    }

    @Override
    public void close() throws IOException {
        if (server != null) {
            server.stop();
        }
    }
}
