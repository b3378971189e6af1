package org.modelfailover.bundle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.apache.synapse.Mediator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.modelfailover.kit.LogCapture;
import org.modelfailover.kit.ThisProcess;
import org.modelfailover.kit.Until;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.launch.Framework;
import org.osgi.framework.launch.FrameworkFactory;
import org.osgi.framework.wiring.FrameworkWiring;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.LongPredicate;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.stream.Stream;

/** The bundle as a host's OSGi framework sees it, without the host. */
class BundleTest {
    static final Path JAR = Path.of(System.getProperty("bundle.jar"));
    private static final String NATIVE_LIBRARY = System.getProperty("bundle.native");
    private static final String MEDIATOR = "org.modelfailover.synapse.ModelFailoverMediator";

    private static final Map<String, FrameworkFactory> FRAMEWORKS =
            Map.of(
                    "Felix", new org.apache.felix.framework.FrameworkFactory(),
                    "Equinox", new org.eclipse.osgi.launch.EquinoxFactory());

    @TempDir Path storage;

    static Stream<Arguments> everyFrameworkAndHost() {
        return FRAMEWORKS.keySet().stream()
                .sorted()
                .flatMap(name -> Host.ALL.stream().map(host -> Arguments.of(name, host)));
    }

    static Stream<String> everyFramework() {
        return FRAMEWORKS.keySet().stream().sorted();
    }

    @ParameterizedTest(name = "{0}, {1}")
    @MethodSource("everyFrameworkAndHost")
    void synapseFindsTheMediatorThroughItsDynamicImport(String name, Host host) throws Exception {
        inside(
                name,
                host,
                framework -> {
                    Bundle bundle = install(framework);
                    bundle.start();
                    assertEquals(Bundle.ACTIVE, bundle.getState(), "the bundle did not start");

                    Class<?> type = synapseCore(framework).loadClass(MEDIATOR);

                    assertSame(
                            bundle.loadClass(MEDIATOR), type, "another copy of the class came in");
                    assertInstanceOf(
                            Mediator.class,
                            type.getDeclaredConstructor().newInstance(),
                            "the mediator does not implement the host's Mediator");
                });
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("everyFramework")
    void theNativeLibraryLoadsFromInsideTheBundle(String name) throws Exception {
        inside(
                name,
                Host.ALL.get(0),
                framework -> {
                    Bundle bundle = install(framework);
                    assertNotNull(
                            bundle.getEntry(NATIVE_LIBRARY),
                            NATIVE_LIBRARY + " is not in " + JAR + "; was the cdylib built?");
                    Class<?> executor = bundle.loadClass("org.modelfailover.executor.Executor");
                    assertEquals(0, executor.getMethod("openCalls").invoke(null));
                });
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("everyFramework")
    void theStartIsOneLineThatSaysWhatWasLoadedFromWhereAndWhichSettingsCount(String name)
            throws Exception {
        Path settings = storage.resolve("settings.toml");
        Files.writeString(settings, "[apim.ai.model_failover]\nconnect_timeout = \"7s\"\n");
        System.setProperty("model.failover.config", settings.toString());
        try (LogCapture log = new LogCapture()) {
            inside(name, storage.resolve("framework"), Host.ALL.get(0), f -> install(f).start());

            List<String> lines = log.lines("INFO", "Model Failover ");
            assertEquals(1, lines.size(), log.text());
            for (String part :
                    List.of(
                            JAR.getFileName().toString().replaceAll("[^0-9]*(.*)\\.jar", "$1"),
                            Path.of(NATIVE_LIBRARY).getParent().getFileName().toString(),
                            "in the bundle, unpacked to " + System.getProperty("java.io.tmpdir"),
                            settings + ", 1 not at their defaults")) {
                assertTrue(lines.get(0).contains(part), part + " is not in: " + lines.get(0));
            }
        } finally {
            System.clearProperty("model.failover.config");
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("everyFramework")
    void aReplacedBundleLeavesNoThreadAndItsSuccessorWorks(String name) throws Exception {
        inside(
                name,
                Host.ALL.get(0),
                framework -> {
                    Bundle bundle = install(framework);
                    bundle.start();
                    bindAPolicy(bundle);
                    awaitThreads("a bound policy has the executor's threads", count -> count > 0);
                    bundle.update(new ByteArrayInputStream(Files.readAllBytes(JAR)));
                    awaitThreads("the old bundle's threads are gone", count -> count == 0);
                    bindAPolicy(bundle);
                    awaitThreads("the new bundle has threads of its own", count -> count > 0);
                    bundle.stop();
                });
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("everyFramework")
    void theLinkToOtherGatewaysEndsWithTheBundle(String name) throws Exception {
        Path settings = storage.resolve("settings.toml");
        Files.writeString(
                settings, "[apim.ai.model_failover.cluster]\nurl = \"redis://127.0.0.1:1\"\n");
        System.setProperty("model.failover.config", settings.toString());
        try {
            inside(
                    name,
                    storage.resolve("framework"),
                    Host.ALL.get(0),
                    framework -> {
                        Bundle bundle = install(framework);
                        bundle.start();
                        Until.is("a thread has it", BundleTest::links, count -> count > 0);
                        bundle.stop();
                        Until.is("it is gone", BundleTest::links, count -> count == 0);
                    });
        } finally {
            System.clearProperty("model.failover.config");
        }
    }

    /** Threads of the link, as far as Linux keeps their name; the executor's own lack the dash. */
    private static long links() throws IOException {
        return ThisProcess.threads().getOrDefault("model-failover-", 0L);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("everyFramework")
    void providersAreFoundInAPackageThatTheGatewaysBundleKeepsToItself(String name)
            throws Exception {
        inside(
                name,
                Host.ALL.get(0),
                framework -> {
                    Bundle gateway = ApiManagerGateway.install(framework);
                    gateway.start();
                    Bundle bundle = install(framework);
                    bundle.start();

                    assertEquals("OpenAI", provider(bundle)[0]);

                    gateway.stop();
                    gateway.start();
                    assertEquals("OpenAI", provider(bundle)[0], "after a restart of the gateway");
                    assertThrows(
                            ClassNotFoundException.class,
                            () -> bundle.loadClass(ApiManagerGateway.PRIVATE_CLASS),
                            "the gateway's bundle exports the package after all");
                });
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("everyFramework")
    void aGatewayThatStartsAfterTheBundleIsFoundToo(String name) throws Exception {
        inside(
                name,
                Host.ALL.get(0),
                framework -> {
                    Bundle bundle = install(framework);
                    bundle.start();
                    assertNull(provider(bundle), "there is no gateway yet");

                    ApiManagerGateway.install(framework).start();

                    assertEquals("OpenAI", provider(bundle)[0]);
                });
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("everyFramework")
    void afterAnUpdateOfTheGatewayItsNewProvidersCount(String name) throws Exception {
        inside(
                name,
                Host.ALL.get(0),
                framework -> {
                    Bundle gateway = ApiManagerGateway.install(framework);
                    gateway.start();
                    Bundle bundle = install(framework);
                    bundle.start();
                    String before = provider(bundle)[1];

                    gateway.update(ApiManagerGateway.jar());
                    var refreshed = new CountDownLatch(1);
                    framework
                            .adapt(FrameworkWiring.class)
                            .refreshBundles(null, event -> refreshed.countDown());
                    assertTrue(refreshed.await(10, TimeUnit.SECONDS), "the refresh does not end");

                    assertNotEquals(
                            before,
                            provider(bundle)[1],
                            "the class that was replaced still counts");
                });
    }

    /** What the bundle finds out of the provider that the stand-in for the gateway knows. */
    private static String[] provider(Bundle bundle) throws Exception {
        Class<?> type = bundle.loadClass("org.modelfailover.synapse.api.AiProvider");
        var constructor = type.getDeclaredConstructor(String.class);
        constructor.setAccessible(true);
        var description = type.getDeclaredMethod("description");
        description.setAccessible(true);
        return (String[])
                description.invoke(constructor.newInstance(ApiManagerGateway.KNOWN_PROVIDER));
    }

    private static void bindAPolicy(Bundle bundle) throws Exception {
        Class<?> type = bundle.loadClass("org.modelfailover.executor.Policy");
        Object policy = type.getConstructor(String.class, String.class).newInstance("{}", "");
        Class<?> text = String.class;
        type.getMethod("attach", text, text, text, String[].class, String[].class)
                .invoke(policy, "carbon.super", "AssistantAPI", "1.0.0", null, new String[0]);
    }

    /** The threads start and end by themselves, soon after what makes them do so. */
    private static void awaitThreads(String what, LongPredicate expected) {
        Until.is(
                what,
                () ->
                        Thread.getAllStackTraces().keySet().stream()
                                .filter(thread -> thread.getName().startsWith("model-failover"))
                                .count(),
                expected::test);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("everyFramework")
    void aHostWithAnotherSynapseIsRefusedByName(String name) throws Exception {
        inside(
                name,
                Host.ALL.get(0).with("org.apache.synapse", "2.1.7"),
                framework -> {
                    Bundle bundle = install(framework);
                    var refusal = assertThrows(BundleException.class, bundle::start);
                    assertTrue(
                            refusal.getMessage().contains("org.apache.synapse"),
                            "the refusal does not name the package: " + refusal.getMessage());
                });
    }

    @Test
    void onlyPackagesOfTheHostAreRequired() throws Exception {
        Host host = Host.ALL.get(0);
        String imports = manifest().getValue(Constants.IMPORT_PACKAGE);
        for (String clause : imports.split(",(?=[a-z])")) {
            String imported = clause.substring(0, (clause + ";").indexOf(';'));
            assertTrue(
                    host.exports(imported) || clause.contains("resolution:=optional"),
                    "the bundle can't start on a host without " + imported);
        }
    }

    @Test
    void theBundleNeverTakesItsClassesFromAnotherBundle() throws Exception {
        assertTrue(
                !manifest().getValue(Constants.IMPORT_PACKAGE).contains("org.modelfailover"),
                "an older copy in the dropins folder could win");
    }

    @Test
    void everyClassRunsOnJava11() throws Exception {
        try (var jar = new JarFile(JAR.toFile())) {
            var classes = jar.stream().filter(e -> e.getName().endsWith(".class")).toList();
            for (var entry : classes) {
                try (var in = new DataInputStream(jar.getInputStream(entry))) {
                    in.skipBytes(6);
                    assertTrue(in.readUnsignedShort() <= 55, entry + " needs more than Java 11");
                }
            }
        }
    }

    interface Body {
        void run(Framework framework) throws Exception;
    }

    private void inside(String name, Host host, Body body) throws Exception {
        inside(name, storage, host, body);
    }

    static void inside(String name, Path storage, Host host, Body body) throws Exception {
        Framework framework =
                FRAMEWORKS
                        .get(name)
                        .newFramework(
                                Map.of(
                                        Constants.FRAMEWORK_STORAGE,
                                        storage.toString(),
                                        Constants.FRAMEWORK_SYSTEMPACKAGES_EXTRA,
                                        host.exportedPackages()));
        framework.start();
        try {
            body.run(framework);
        } finally {
            framework.stop();
            framework.waitForStop(10_000);
        }
    }

    static Bundle install(Framework framework) throws BundleException {
        return framework.getBundleContext().installBundle(JAR.toUri().toString());
    }

    /**
     * A bundle that finds classes as synapse-core does: it imports whatever it needs, when it does.
     */
    static Bundle synapseCore(Framework framework) throws Exception {
        Bundle bundle =
                framework
                        .getBundleContext()
                        .installBundle(
                                "synapse-core",
                                Jars.of(
                                        Map.of(
                                                Constants.BUNDLE_SYMBOLICNAME,
                                                "synapse-core",
                                                Constants.DYNAMICIMPORT_PACKAGE,
                                                "*")));
        bundle.start();
        return bundle;
    }

    private static Attributes manifest() throws IOException {
        try (var jar = new JarFile(JAR.toFile())) {
            return jar.getManifest().getMainAttributes();
        }
    }
}
