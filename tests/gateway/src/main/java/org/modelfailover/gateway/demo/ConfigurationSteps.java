package org.modelfailover.gateway.demo;

import org.modelfailover.gateway.demo.Lineup.Candidate;

import java.io.IOException;
import java.util.List;

/** What a configuration says, and one that says nothing. */
final class ConfigurationSteps {
    private final Scenery scenery;

    ConfigurationSteps(Scenery scenery) {
        this.scenery = scenery;
    }

    Step sandbox() {
        return new Step(
                "A sandbox key uses the sandbox section",
                "The same API and the same model: but the client's key is one for the sandbox, so"
                        + " the sandbox's endpoint is called, with its credential.",
                teller -> {
                    Lineup policy =
                            Lineup.of(
                                            new Candidate("gpt-4o", scenery.inEurope),
                                            new Candidate("gpt-4o-mini", scenery.inAmerica))
                                    .withSandbox(
                                            new Candidate("gpt-4o", scenery.inSandbox),
                                            new Candidate("gpt-4o-mini", scenery.inSandbox));
                    scenery.reset();
                    scenery.deploy(policy);
                    teller.policy(policy);
                    teller.note("sandbox", Lineup.describe(policy.sandbox()));
                    Question question = Question.of("gpt-4o", "What is the capital of France?");
                    Exchange exchange = scenery.ask(question.withSandboxToken(), policy);
                    teller.exchange(exchange);
                    teller.equal("the client got 200", 200, exchange.answer().status());
                    teller.equal(
                            "the sandbox served",
                            "gpt-4o @ " + Scenery.SANDBOX_ENDPOINT,
                            exchange.answer().servedBy());
                    teller.check(
                            "one call, at the sandbox's address, with its credential and no other",
                            exchange.calls().size() == 1
                                    && scenery.inSandbox.saw(exchange.calls().get(0))
                                    && Credential.SANDBOX.isOnlyOneIn(exchange.calls().get(0)),
                            Teller.told(exchange.calls()));
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
                                    new Candidate("gpt-4o", scenery.inEurope),
                                    new Candidate("gpt-4o-mini", scenery.inAmerica));
                    Lineup second =
                            Lineup.of(
                                    new Candidate("claude-opus", scenery.inAmerica),
                                    new Candidate("claude-haiku", scenery.inEurope));
                    scenery.reset();
                    scenery.deploy(first, second);
                    scenery.eu.set("gpt-4o", "status=429");
                    scenery.us.set("claude-opus", "status=401");
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
        Exchange exchange = scenery.ask(Question.of(target, "Who are you?"), policy);
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
        Exchange exchange = scenery.ask(question, policy);
        teller.gap();
        teller.exchange(exchange);
        teller.equal("the client got 200", 200, exchange.answer().status());
        teller.equal(
                "the API's default endpoint got it", List.of("mistral-small"), exchange.models());
        teller.equal(
                "byte for byte as it was sent", question.body(), exchange.calls().get(0).text());
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
                                            new Candidate("gpt-4o", scenery.inEurope),
                                            new Candidate("gpt-4o-mini", scenery.inAmerica))
                                    .withTimes("soon", "2");
                    scenery.reset();
                    scenery.deploy(policy);
                    teller.policy(policy);
                    teller.note("", "with a requestTimeout of “soon”");
                    String line = scenery.log.await("ERROR").orElse("nothing");
                    teller.note("log", line);
                    Exchange exchange =
                            scenery.ask(Question.of("gpt-4o", "Is anybody there?"), policy);
                    teller.exchange(exchange);
                    List<String> named =
                            List.of(
                                    "AssistantAPI version " + scenery.version(),
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
