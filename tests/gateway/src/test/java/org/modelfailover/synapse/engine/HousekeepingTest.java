package org.modelfailover.synapse.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.apache.axiom.om.util.AXIOMUtil;
import org.apache.axis2.context.ConfigurationContext;
import org.apache.axis2.description.Parameter;
import org.apache.axis2.description.TransportOutDescription;
import org.apache.axis2.engine.AxisConfiguration;
import org.apache.synapse.config.SynapseConfiguration;
import org.apache.synapse.core.axis2.Axis2SynapseEnvironment;
import org.apache.synapse.transport.passthru.PassThroughHttpSSLSender;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.synapse.network.GatewayNetwork;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** The threads that look after things survive whatever happens on them. */
class HousekeepingTest {
    private static Error error(Class<? extends Error> type) {
        try {
            return type.getConstructor(String.class).newInstance("injected");
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    private static void await(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + Duration.ofSeconds(15).toNanos();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < deadline, what + ": not so after 15 s");
            LockSupport.parkNanos(3_000_000);
        }
    }

    /** Is over when it was looked at a few times; until then it may be broken. */
    private static final class Exchange implements InFlight.Watched {
        final AtomicInteger looks = new AtomicInteger();
        private final long started = System.nanoTime();
        private final Class<? extends Error> broken;
        private final int until;

        Exchange(Class<? extends Error> broken, int until) {
            this.broken = broken;
            this.until = until;
        }

        @Override
        public long started() {
            return started;
        }

        @Override
        public boolean check() {
            if (looks.incrementAndGet() < until && broken != null) {
                throw error(broken);
            }
            return looks.get() >= until;
        }
    }

    @ParameterizedTest
    @ValueSource(
            classes = {
                OutOfMemoryError.class,
                StackOverflowError.class,
                NoClassDefFoundError.class
            })
    void anExchangeThatCannotBeLookedAfterKeepsNoOtherFromIt(Class<? extends Error> broken) {
        InFlight.add(new Exchange(broken, 5));
        Exchange other = new Exchange(null, 5);
        InFlight.add(other);
        Exchange third = new Exchange(broken, 5);
        InFlight.add(third);

        await("the one beside it is looked at again and again", () -> other.looks.get() == 5);
    }

    @ParameterizedTest
    @ValueSource(classes = {OutOfMemoryError.class, StackOverflowError.class})
    void anExchangeIsNotForgottenForWantOfMemory(Class<? extends Error> passing) {
        Exchange exchange = new Exchange(passing, 4);
        InFlight.add(exchange);

        await("it is looked at until it is over", () -> exchange.looks.get() == 4);
    }

    @ParameterizedTest
    @ValueSource(
            classes = {
                OutOfMemoryError.class,
                StackOverflowError.class,
                NoClassDefFoundError.class
            })
    void workThatFailsKeepsNoOtherFromBeingDone(Class<? extends Error> broken) throws Exception {
        CountDownLatch done = new CountDownLatch(2);
        Runnable fails =
                () -> {
                    throw error(broken);
                };
        InFlight.now(fails);
        InFlight.soon(fails);
        InFlight.now(done::countDown);
        InFlight.soon(done::countDown);

        assertTrue(done.await(10, TimeUnit.SECONDS), "not all was done");
    }

    @Test
    void theSweeperEndsWhenThereIsNothingToDoAndIsThereForTheNext() throws Exception {
        for (int i = 0; i < 3; i++) {
            Exchange exchange = new Exchange(null, 3);
            InFlight.add(exchange);
            await("it is looked at until it is over", () -> exchange.looks.get() == 3);
            await("the sweeper ends", () -> threads("model-failover-sweeper") == 0);

            CountDownLatch done = new CountDownLatch(1);
            InFlight.now(done::countDown);
            assertTrue(done.await(10, TimeUnit.SECONDS), "what comes later must be done too");
        }
    }

    private static long threads(String name) {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals(name))
                .count();
    }

    /** A gateway whose truststore is not there, so that it is looked for again and again. */
    private static final class Senders extends AxisConfiguration {
        final AtomicInteger looks = new AtomicInteger();
        volatile Class<? extends Error> broken;

        Senders() throws Exception {
            TransportOutDescription https = new TransportOutDescription("https");
            https.setSender(new PassThroughHttpSSLSender());
            Parameter store = new Parameter("truststore", null);
            store.setParameterElement(
                    AXIOMUtil.stringToOM(
                            "<parameter><TrustStore><Location>not-there.p12</Location>"
                                    + "<Type>PKCS12</Type><Password>x</Password></TrustStore>"
                                    + "</parameter>"));
            https.addParameter(store);
            addTransportOut(https);
        }

        @Override
        public HashMap<String, TransportOutDescription> getTransportsOut() {
            looks.incrementAndGet();
            if (broken != null) {
                throw error(broken);
            }
            return super.getTransportsOut();
        }

        @Override
        public TransportOutDescription getTransportOut(String name) {
            looks.incrementAndGet();
            if (broken != null) {
                throw error(broken);
            }
            return super.getTransportOut(name);
        }
    }

    @Test
    void theWatchOverTheGatewaysNetworkSurvivesErrors() throws Exception {
        Senders senders = new Senders();
        Axis2SynapseEnvironment environment =
                new Axis2SynapseEnvironment(
                        new ConfigurationContext(senders), new SynapseConfiguration());
        GatewayNetwork.follow(environment);
        try {
            for (Class<? extends Error> broken :
                    List.of(OutOfMemoryError.class, NoClassDefFoundError.class)) {
                senders.broken = broken;
                int before = senders.looks.get();
                await("it looks", () -> senders.looks.get() > before);
            }
            senders.broken = null;
            int before = senders.looks.get();
            await("it looks again", () -> senders.looks.get() > before);
        } finally {
            GatewayNetwork.leave();
        }
        await("the watch ends", () -> threads("model-failover-network") == 0);
        assertEquals(0, threads("model-failover-network"));
    }
}
