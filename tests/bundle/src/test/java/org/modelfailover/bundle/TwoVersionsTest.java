package org.modelfailover.bundle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.osgi.framework.Bundle;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.stream.Stream;

import javax.management.ObjectName;

/** An older and a newer version of the bundle in one gateway, as a forgotten jar leaves them. */
class TwoVersionsTest {
    private static final String MEDIATOR = "org.modelfailover.synapse.ModelFailoverMediator";

    @TempDir Path storage;

    static Stream<Arguments> everyFrameworkInBothOrders() {
        return BundleTest.everyFramework()
                .flatMap(name -> Stream.of(Arguments.of(name, true), Arguments.of(name, false)));
    }

    @ParameterizedTest(name = "{0}, the older one first: {1}")
    @MethodSource("everyFrameworkInBothOrders")
    void theNewerOneServesAndEachHasALibraryOfItsOwn(String name, boolean olderFirst)
            throws Exception {
        BundleTest.inside(
                name,
                storage,
                Host.ALL.get(0),
                framework -> {
                    Bundle newer = null;
                    if (!olderFirst) {
                        newer = BundleTest.install(framework);
                    }
                    Bundle older =
                            framework
                                    .getBundleContext()
                                    .installBundle("older", Jars.as("0.9.0", BundleTest.JAR));
                    if (olderFirst) {
                        newer = BundleTest.install(framework);
                    }
                    older.start();
                    newer.start();

                    assertSame(
                            newer.loadClass(MEDIATOR),
                            BundleTest.synapseCore(framework).loadClass(MEDIATOR),
                            "Synapse has found the older one");
                    assertNotSame(older.loadClass(MEDIATOR), newer.loadClass(MEDIATOR));
                    for (Bundle bundle : new Bundle[] {older, newer}) {
                        Class<?> executor = bundle.loadClass("org.modelfailover.executor.Executor");
                        assertEquals(0, executor.getMethod("openCalls").invoke(null));
                        assertTrue(loaded(bundle), bundle + " tells nothing through JMX");
                    }
                    older.stop();
                    assertTrue(loaded(newer), "the newer one went with the older one");
                    Class<?> executor = newer.loadClass("org.modelfailover.executor.Executor");
                    assertEquals(0, executor.getMethod("openCalls").invoke(null));
                    newer.stop();
                });
    }

    private static boolean loaded(Bundle bundle) throws Exception {
        var version = ObjectName.quote(bundle.getVersion().toString());
        var name = new ObjectName("org.apache.synapse:Type=ModelFailover,Name=" + version);
        var server = ManagementFactory.getPlatformMBeanServer();
        return server.isRegistered(name) && (Boolean) server.getAttribute(name, "LibraryLoaded");
    }
}
