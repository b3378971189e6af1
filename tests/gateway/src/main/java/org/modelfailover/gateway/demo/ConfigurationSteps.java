package org.modelfailover.gateway.demo;

import org.modelfailover.gateway.demo.Lineup.Candidate;

import java.io.IOException;
import java.util.List;

/** What a configuration says, and one that says nothing. */
final class ConfigurationSteps {
    private final World world;

    ConfigurationSteps(World world) {
        this.world = world;
    }

    Step sandbox() {
        return new Step(
                "A sandbox key uses the sandbox section",
                "The same API and the same model: but the client's key is one for the sandbox, so"
                        + " the sandbox's endpoint is called, with its credential.",
                teller -> {
                    Lineup policy =
                            Lineup.of(
                                            new Candidate("gpt-4o", world.inEurope),
                                            new Candidate("gpt-4o-mini", world.inAmerica))
                                    .withSandbox(
                                            new Candidate("gpt-4o", world.inSandbox),
                                            new Candidate("gpt-4o-mini", world.inSandbox));
                    world.reset();
                    world.deploy(policy);
                    teller.policy(policy);
                    teller.note("sandbox", Lineup.describe(policy.sandbox()));
                    Question question = Question.of("gpt-4o", "What is the capital of France?");
                    Exchange exchange = world.ask(question.withSandboxToken(), policy);
                    teller.exchange(exchange);
                    teller.equal("the client got 200", 200, exchange.answer().status());
                    teller.equal(
                            "the sandbox served",
                            "gpt-4o @ " + World.SANDBOX_ENDPOINT,
                            exchange.answer().servedBy());
                    teller.check(
                            "one call, at the sandbox's address, with its credential and no other",
                            exchange.calls().size() == 1
                                    && exchange.calls().get(0).at(world.inSandbox)
                                    && Credential.SANDBOX.isOnlyOneIn(exchange.calls().get(0)),
                            exchange.calls());
                });
    }

    Step twoPolicies() {
        return new Step(
                "Two Failover policies on one operation",
                "Each is in charge of requests for its own target. A request for another model goes"
                        + " its usual way, untouched.",
                teller -> {
                    Lineup first =
                            Lineup.of(
                                    new Candidate("gpt-4o", world.inEurope),
                                    new Candidate("gpt-4o-mini", world.inAmerica));
                    Lineup second =
                            Lineup.of(
                                    new Candidate("claude-opus", world.inAmerica),
                                    new Candidate("claude-haiku", world.inEurope));
                    world.reset();
                    world.deploy(first, second);
                    world.eu.fault("gpt-4o", "status=429");
                    world.us.fault("claude-opus", "status=401");
                    teller.policy(first);
                    teller.policy(second);
                    failsOver(teller, first);
                    failsOver(teller, second);
                    passes(teller, first);
                });
    }

    private void failsOver(Teller teller, Lineup policy) throws IOException, InterruptedException {
        String target = policy.production().get(0).model();
        String fallback = policy.production().get(1).model();
        Exchange exchange = world.ask(Question.of(target, "Who are you?"), policy);
        teller.gap();
        teller.exchange(exchange);
        teller.equal("the client got 200", 200, exchange.answer().status());
        teller.equal(
                target + " was called, then its own fallback " + fallback,
                List.of(target, fallback),
                exchange.models());
    }

    private void passes(Teller teller, Lineup policy) throws IOException, InterruptedException {
        Question question = Question.of("mistral-small", "Am I anybody's target?");
        Exchange exchange = world.ask(question, policy);
        teller.gap();
        teller.exchange(exchange);
        teller.equal("the client got 200", 200, exchange.answer().status());
        teller.equal(
                "the API's default endpoint got it", List.of("mistral-small"), exchange.models());
        teller.equal(
                "byte for byte as it was sent", question.body(), exchange.calls().get(0).body());
        teller.equal(
                "no Failover policy had a hand in it",
                "",
                exchange.answer().header("x-failover-attempts"));
    }

    Step unreadable() {
        return new Step(
                "A configuration that can't be read",
                "Somebody entered a word where seconds belong. There is no silent “no failover”:"
                        + " the gateway's log says so at deployment, and so does every answer.",
                teller -> {
                    Lineup policy =
                            Lineup.of(
                                            new Candidate("gpt-4o", world.inEurope),
                                            new Candidate("gpt-4o-mini", world.inAmerica))
                                    .withTimes("soon", "2");
                    world.reset();
                    world.deploy(policy);
                    teller.policy(policy);
                    teller.note("", "with a requestTimeout of “soon”");
                    String line = world.log.await("ERROR").orElse("nothing");
                    teller.note("log", line);
                    Exchange exchange =
                            world.ask(Question.of("gpt-4o", "Is anybody there?"), policy);
                    teller.exchange(exchange);
                    List<String> named =
                            List.of(
                                    "AssistantAPI version " + world.version(),
                                    "modelFailover",
                                    "requestTimeout");
                    for (String word : named) {
                        teller.check("the log line names " + word, line.contains(word), line);
                    }
                    teller.equal("the client got 500", 500, exchange.answer().status());
                    teller.check(
                            "in API Manager's format, and it names the field",
                            exchange.answer().body().contains("\"type\":\"Status report\"")
                                    && exchange.answer().text().contains("requestTimeout"),
                            exchange.answer().body());
                    teller.equal("nobody was called", List.of(), exchange.models());
                });
    }
}
