package org.modelfailover.gateway.scenarios;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.modelfailover.gateway.TestDeployment;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * The catalogue: one test for each scenario. All scenarios without special wishes share a gateway
 * and run side by side; those with a deployment of their own take turns on a second one. One that
 * fails while the machine stands still is played once more when all others are through.
 */
class ScenarioTest {
    private static final Path FOLDER =
            Path.of(System.getProperty("gateway.scenarios", "../scenarios"));
    private static final int AT_ONCE = 16;

    @TempDir static Path folder;

    private static List<Scenario> scenarios;
    private static Endpoints endpoints;
    private static Driver shared;
    private static Driver own;
    private static ExecutorService players;
    private static Standstill standstill;

    /** Those that failed while the machine stood still. */
    private static final Set<Scenario> DISTURBED = ConcurrentHashMap.newKeySet();

    @BeforeAll
    static void start() throws IOException {
        String only = System.getProperty("gateway.scenario", "");
        scenarios = Catalogue.read(FOLDER).stream().filter(s -> s.id().contains(only)).toList();
        endpoints = new Endpoints();
        shared = new Driver(folder.resolve("shared"));
        own = new Driver(folder.resolve("own"));
        players = Executors.newFixedThreadPool(AT_ONCE);
        standstill = new Standstill();
    }

    @AfterAll
    static void stop() throws IOException {
        players.shutdownNow();
        standstill.close();
        shared.close();
        own.close();
        endpoints.close();
    }

    @Test
    void noTwoScenariosHaveTheSameName() {
        long names = scenarios.stream().map(Scenario::name).distinct().count();
        assertEquals(scenarios.size(), names);
    }

    @TestFactory
    List<DynamicTest> catalogue() {
        Map<Scenario, CompletableFuture<Void>> runs = new LinkedHashMap<>();
        List<Scenario> alone = scenarios.stream().filter(Scenario::ownGateway).toList();
        List<Scenario> together = scenarios.stream().filter(s -> !s.ownGateway()).toList();
        CompletableFuture<String> gateway =
                CompletableFuture.supplyAsync(() -> deploy(shared, "AssistantAPI", together));
        for (Scenario scenario : together) {
            runs.put(
                    scenario, gateway.thenAcceptAsync(url -> play(scenario, shared, url), players));
        }
        CompletableFuture<?> turn = CompletableFuture.completedFuture(null);
        for (Scenario scenario : alone) {
            CompletableFuture<Void> run =
                    turn.handle((done, error) -> error)
                            .thenRunAsync(
                                    () -> {
                                        String api = "Scenario-" + scenario.id();
                                        String url = deploy(own, api, List.of(scenario));
                                        play(scenario, own, url);
                                    });
            turn = run;
            runs.put(scenario, run);
        }
        List<DynamicTest> tests = new ArrayList<>();
        for (Scenario scenario : scenarios) {
            String name = scenario.rule() + " " + scenario.name();
            String known = scenario.known() == null ? "" : " (known: " + scenario.known() + ")";
            tests.add(
                    DynamicTest.dynamicTest(
                            name + known, () -> judge(scenario, settled(scenario, runs))));
        }
        return tests;
    }

    /** Its run, or a second one of a scenario that could not be judged by the first. */
    private static CompletableFuture<Void> settled(
            Scenario scenario, Map<Scenario, CompletableFuture<Void>> runs) {
        CompletableFuture<Void> run = runs.get(scenario);
        run.handle((done, error) -> null).join();
        if (!DISTURBED.contains(scenario)) {
            return run;
        }
        runs.values().forEach(other -> other.handle((done, error) -> null).join());
        run.exceptionally(
                        error -> {
                            System.out.println("the machine stood still; once more: " + error);
                            return null;
                        })
                .join();
        return CompletableFuture.runAsync(
                () -> {
                    String url = deploy(own, "Again-" + scenario.id(), List.of(scenario));
                    play(scenario, own, url);
                });
    }

    private static String deploy(Driver driver, String api, List<Scenario> scenarios) {
        if (scenarios.isEmpty()) {
            return "";
        }
        TestDeployment deployment =
                TestDeployment.api(api, "1.0.0", "/assistant/1.0.0")
                        .provider(scenarios.get(0).provider());
        endpoints.addTo(deployment);
        // A folder has room for a hundred fragments, and a fragment for any number of mediators.
        Map<String, StringBuilder> fragments = new LinkedHashMap<>();
        for (Scenario scenario : scenarios) {
            fragments
                    .computeIfAbsent(scenario.file(), file -> new StringBuilder())
                    .append(new Attachments(scenario).mediators());
            if (scenario.toml() != null) {
                deployment.settings(scenario.toml());
            }
        }
        fragments.values().forEach(fragment -> deployment.policy(fragment.toString()));
        try {
            return driver.deploy(deployment);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void play(Scenario scenario, Driver driver, String url) {
        long began = System.nanoTime();
        try {
            new ScenarioRun(scenario, endpoints).play(driver, url);
        } catch (AssertionError e) {
            if (standstill.since(began)) {
                DISTURBED.add(scenario);
            }
            throw e;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A known contradiction has to fail, and in the way that was described. */
    private static void judge(Scenario scenario, CompletableFuture<Void> run) throws Throwable {
        Throwable failure = null;
        try {
            run.join();
        } catch (CompletionException e) {
            failure = e.getCause();
        }
        if (scenario.known() == null) {
            if (failure != null) {
                throw failure;
            }
        } else if (failure == null) {
            fail(
                    scenario.name()
                            + ": holds now; take 'known' and 'fails' out of "
                            + scenario.file());
        } else {
            Throwable told = failure;
            assertTrue(
                    String.valueOf(told.getMessage()).contains(scenario.fails()),
                    () ->
                            "failed otherwise than with '"
                                    + scenario.fails()
                                    + "': "
                                    + told.getMessage());
        }
    }
}
