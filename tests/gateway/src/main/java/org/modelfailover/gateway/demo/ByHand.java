package org.modelfailover.gateway.demo;

import org.modelfailover.gateway.demo.Lineup.Candidate;
import org.modelfailover.kit.ProviderProcess;

import java.io.IOException;

/** Leaves everything up, says what to try, and waits. */
final class ByHand {
    private final Scenery scenery;
    private final Paper paper;
    private final Operations operations = new Operations();

    ByHand(Scenery scenery, Paper paper) {
        this.scenery = scenery;
        this.paper = paper;
    }

    void show() throws IOException, InterruptedException {
        Lineup policy =
                Lineup.of(
                                new Candidate("gpt-4o", scenery.inEurope),
                                new Candidate("gpt-4o-mini", scenery.inAmerica))
                        .withSandbox(new Candidate("gpt-4o", scenery.inSandbox))
                        .withTimes("5", "10");
        scenery.reset();
        scenery.set(operations.settings());
        scenery.deploy(policy);
        Question question = Question.of("gpt-4o", "Hello");
        paper.title("Try it by hand");
        paper.text(
                "Everything stays up. A request is given 5 s, a target that failed is suspended for"
                        + " 10 s.");
        paper.row("configured", policy.toString());
        paper.row("sandbox", Lineup.describe(policy.sandbox()));
        command("all is well", curl("-si", question));
        command("a slow stream", fault("interval=300ms~tokens=8"));
        command("", curl("-sN", question.streamed()));
        command("the target fails from now on", fault("status=503"));
        command("so the fallback answers", curl("-si", question));
        command("a client that wants no failover", curl("-si", question) + " -H 'x-failover: off'");
        command("what the target was asked", "curl -s " + scenery.eu.origin() + "/_control/calls");
        command("the fallback fails too", fault(scenery.us, "gpt-4o-mini", "status=503"));
        command("and works again", "curl -s -X DELETE " + scenery.us.origin() + "/_control/faults");
        command(
                "the target is healthy again; it is asked again when its 10 s are over",
                "curl -s -X DELETE " + scenery.eu.origin() + "/_control/faults");
        command("the sandbox", curl("-si", question.withSandboxToken()));
        command("what the gateway did", "tail -f " + scenery.logFile());
        paper.gap();
        paper.good("# for operators: docs/operating.md");
        paper.row("page", operations.page() + " (token: " + Operations.TOKEN + ")");
        paper.row("Prometheus", operations.page() + "metrics");
        paper.row("JMX", operations.jmx());
        command(
                "the metrics",
                "curl -s -H 'Authorization: Bearer "
                        + Operations.TOKEN
                        + "' "
                        + operations.page()
                        + "metrics");
        paper.gap();
        paper.text("More faults: tests/provider/README.md.");
        paper.text("To stop: Enter or Ctrl-C.");
        try (operations) {
            operations.start();
            await();
        }
    }

    private void command(String purpose, String command) {
        if (!purpose.isEmpty()) {
            paper.gap();
            paper.good("# " + purpose);
        }
        paper.line(command);
    }

    private String curl(String options, Question question) {
        return "curl "
                + options
                + " "
                + scenery.api()
                + "/chat/completions -H 'ApiKey: "
                + question.token()
                + "' -H 'Content-Type: application/json' -d '"
                + question.body()
                + "'";
    }

    private String fault(String directives) {
        return fault(scenery.eu, "gpt-4o", directives);
    }

    private static String fault(ProviderProcess provider, String model, String directives) {
        return "curl -s -X PUT "
                + provider.origin()
                + "/_control/faults -d '{\"model\":\""
                + model
                + "\",\"directives\":\""
                + directives
                + "\"}'";
    }

    /** Without anybody at the keyboard only Ctrl-C or a signal ends it. */
    private static void await() throws IOException, InterruptedException {
        for (int read = System.in.read(); read != '\n'; read = System.in.read()) {
            if (read < 0) {
                Thread.sleep(Long.MAX_VALUE);
            }
        }
    }
}
