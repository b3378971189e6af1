package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.LogCapture;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.Until;

import java.lang.management.ManagementFactory;
import java.util.Map;
import java.util.Set;

import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import javax.management.openmbean.CompositeData;
import javax.management.openmbean.TabularData;
import javax.management.remote.JMXAuthenticator;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXConnectorServer;
import javax.management.remote.JMXConnectorServerFactory;
import javax.management.remote.JMXPrincipal;
import javax.management.remote.JMXServiceURL;
import javax.security.auth.Subject;

/** What operators see and do through a JMX connector over RMI, as JConsole has it. */
class JmxTest extends GatewayTest {
    /** What a name of a model may hold and an object name may not. */
    private static final String TARGET = "vendor/odd:model,v=1*?";

    private JMXConnectorServer server;
    private JMXConnector connector;
    private MBeanServerConnection mbeans;
    private ProviderProcess first;

    @BeforeEach
    void connected() throws Exception {
        first = provider("first");
        deploy(
                api(first, provider("second")),
                FailoverConfigs.target(TARGET, "one")
                        .fallback("jmx-fallback", "two")
                        .suspendDuration("60"));
        JMXAuthenticator authenticator =
                credentials ->
                        new Subject(
                                true, Set.of(new JMXPrincipal("night-shift")), Set.of(), Set.of());
        server =
                JMXConnectorServerFactory.newJMXConnectorServer(
                        new JMXServiceURL("service:jmx:rmi://127.0.0.1"),
                        Map.of(JMXConnectorServer.AUTHENTICATOR, authenticator),
                        ManagementFactory.getPlatformMBeanServer());
        server.start();
        connector = JMXConnectorFactory.connect(server.getAddress());
        mbeans = connector.getMBeanServerConnection();
    }

    @AfterEach
    void disconnected() throws Exception {
        connector.close();
        server.stop();
    }

    private ObjectName target() throws Exception {
        String api = gateway.synapseConfiguration().getAPIs().iterator().next().getAPIName();
        String name = api.substring(api.indexOf("--") + 2, api.indexOf(':'));
        ObjectName target =
                new ObjectName(
                        "org.apache.synapse:Type=ModelFailoverCandidate,Tenant=\"carbon.super\",API="
                                + ObjectName.quote(name)
                                + ",Version=\"1.0.0\",Endpoint=\"one\",Model="
                                + ObjectName.quote(TARGET));
        Until.holds(target + " is there", () -> mbeans.isRegistered(target));
        return target;
    }

    private Object attribute(String name) throws Exception {
        return mbeans.getAttribute(target(), name);
    }

    private static Object count(Object table, String word) {
        CompositeData row = ((TabularData) table).get(new Object[] {word});
        return row == null ? null : row.get("value");
    }

    @Test
    void aCandidateIsSeenWithItsStateAndItsNumbers() throws Exception {
        first.set(TARGET, "status=503");
        assertServedBy("second", ask(chat(TARGET)));

        assertEquals("SUSPENDED", attribute("State"));
        assertEquals(true, attribute("Out"));
        assertTrue((long) attribute("SuspendedForMillis") > 50_000);
        assertEquals("503: limited", attribute("Why"));
        assertTrue(((String) attribute("LastFailure")).endsWith(" s ago: 503: limited"));
        assertTrue((long) count(attribute("Attempts"), "limited") >= 1);
        assertEquals(1L, count(attribute("Suspensions"), "limited"));
        assertTrue((long) attribute("LatencyP95Millis") >= 0);

        ObjectName gateway =
                new ObjectName("org.apache.synapse:Type=ModelFailover,Name=\"gateway\"");
        assertTrue((long) count(mbeans.getAttribute(gateway, "Requests"), "fell_over") >= 1);
        assertTrue((int) mbeans.getAttribute(gateway, "CandidatesOut") >= 1);
    }

    @Test
    void anOperatorHoldsReleasesAndClearsAndTheLogSaysWho() throws Exception {
        assertServedBy("first", ask(chat(TARGET)));
        try (LogCapture log = new LogCapture()) {
            mbeans.invoke(target(), "hold", null, null);
            assertEquals("HELD", attribute("State"));
            assertServedBy("second", ask(chat(TARGET)));
            mbeans.invoke(target(), "release", null, null);
            mbeans.invoke(target(), "clear", null, null);

            for (String what : new String[] {"held", "released", "cleared"}) {
                String words = TARGET + " at one was " + what + " by JMX user night-shift";
                assertEquals(1, log.lines("INFO", words).size(), log.text());
            }
        }
        assertServedBy("first", ask(chat(TARGET)));
    }

    @Test
    void itGoesWhenItsApiIsUndeployedAndAnotherTakesItsPlace() throws Exception {
        assertServedBy("first", ask(chat(TARGET)));
        ObjectName before = target();

        gateway.redeploy(
                api(first)
                        .failover(FailoverConfigs.target("another", "one").attributes())
                        .write(folder.resolve("another")));
        assertServedBy("first", ask(chat("another")));

        Until.holds("its candidates are gone", () -> !mbeans.isRegistered(before));
    }
}
