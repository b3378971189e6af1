package org.modelfailover.gateway.demo;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Shows failover at work: starts two simulated providers and a gateway, sends requests, tells what
 * happened, and checks it.
 *
 * <p>Exit status: 0 if every step held, 1 if not or if it could not start. The system property
 * {@code provider.binary} names the simulated provider. With {@code KEEP=1} in the environment
 * everything stays up afterwards, until Enter or Ctrl-C. With {@code ONLY=words} only the steps
 * whose titles hold these words are told.
 */
public final class Story {
    private Story() {}

    /** See the class. */
    public static void main(String[] args) {
        int status = 1;
        Paper paper = new Paper();
        Scenery scenery = new Scenery();
        endWith(Thread.currentThread(), scenery);
        try {
            scenery.start();
            Teller teller = new Teller(paper);
            introduce(paper, scenery);
            for (Step step : chosen(steps(scenery))) {
                teller.tell(step);
            }
            status = conclude(paper, teller.failures()) ? 0 : 1;
            if (keep()) {
                new ByHand(scenery, paper).show();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException | RuntimeException | AssertionError | LinkageError e) {
            if (!Thread.currentThread().isInterrupted()) {
                System.err.println("demo: " + (e.getMessage() == null ? e : e.getMessage()));
                System.err.println("demo: the gateway's log is " + scenery.logFile());
            }
        }
        scenery.close();
        // The engine's own threads are no daemons and outlive its shutdown.
        Runtime.getRuntime().exit(status);
    }

    /** On Ctrl-C: nothing more is told, and nothing is left behind. */
    private static void endWith(Thread teller, Scenery scenery) {
        Runtime.getRuntime()
                .addShutdownHook(
                        new Thread(
                                () -> {
                                    teller.interrupt();
                                    scenery.close();
                                },
                                "cleaning"));
    }

    private static List<Step> steps(Scenery scenery) {
        FailureSteps failure = new FailureSteps(scenery);
        StreamSteps stream = new StreamSteps(scenery);
        ConfigurationSteps configuration = new ConfigurationSteps(scenery);
        return List.of(
                failure.healthy(),
                failure.targetFails(),
                failure.targetIsSuspended(),
                failure.timeIsOver(),
                failure.targetRefuses(),
                failure.targetIsSilent(),
                stream.chunkByChunk(),
                stream.targetFallsSilent(),
                stream.targetBreaksOff(),
                configuration.sandbox(),
                configuration.twoPolicies(),
                failure.allFail(),
                configuration.unreadable());
    }

    private static List<Step> chosen(List<Step> steps) {
        String only = System.getenv().getOrDefault("ONLY", "").trim();
        List<Step> chosen = steps.stream().filter(step -> step.title().contains(only)).toList();
        if (chosen.isEmpty()) {
            throw new IllegalArgumentException(
                    "no step's title holds '"
                            + only
                            + "'; there are: "
                            + String.join("; ", steps.stream().map(Step::title).toList()));
        }
        return chosen;
    }

    private static void introduce(Paper paper, Scenery scenery) {
        paper.title("Model Failover for WSO2 API Manager");
        paper.text(
                "A client asks a gateway for an AI model. The gateway calls the target: the model"
                    + " that was asked for. When the target fails, it calls the fallbacks in the"
                    + " order configured, and the client gets an answer all the same. Each step"
                    + " below sends real HTTP requests to a real gateway and asks the providers"
                    + " which calls they saw. Who served is what the answer's x-failover headers"
                    + " say. A step that needs a fresh start deploys a new version of the API.");
        paper.gap();
        paper.row("gateway", scenery.origin() + "   Apache Synapse with the Model Failover policy");
        paper.row("providers", "eu  " + scenery.eu.origin() + "   simulated");
        paper.row("", "us  " + scenery.us.origin() + "   simulated");
        paper.row("log", scenery.logFile() + "   of the gateway");
    }

    private static boolean conclude(Paper paper, List<String> failures) {
        paper.gap();
        if (failures.isEmpty()) {
            paper.good("Every step held.");
            return true;
        }
        paper.bad(failures.size() + " did not hold:");
        failures.forEach(failure -> paper.bad("  " + failure));
        return false;
    }

    private static boolean keep() {
        String keep = System.getenv().getOrDefault("KEEP", "").trim().toLowerCase(Locale.ROOT);
        return !Set.of("", "0", "no", "false").contains(keep);
    }
}
