package org.modelfailover.gateway.demo;

import org.modelfailover.gateway.demo.Lineup.Candidate;
import org.modelfailover.kit.Client;
import org.modelfailover.kit.ProviderProcess.Call;

import java.io.IOException;
import java.time.Duration;
import java.util.List;

/** What a target can do wrong, and what the client sees of it. */
final class FailureSteps {
    private static final String TARGET = "gpt-4o";
    private static final String FALLBACK = "gpt-4o-mini";
    private static final Duration REQUEST_TIMEOUT = Duration.ofMillis(1500);
    private static final Duration SUSPENSION = Duration.ofSeconds(2);
    private static final int CROWD = 20;

    private final Scenery scenery;

    FailureSteps(Scenery scenery) {
        this.scenery = scenery;
    }

    private Lineup usual() {
        return Lineup.of(
                new Candidate(TARGET, scenery.inEurope),
                new Candidate(FALLBACK, scenery.inAmerica));
    }

    private static Question question() {
        return Question.of(TARGET, "What is the capital of France?");
    }

    private void fresh(Teller teller, Lineup policy) throws IOException, InterruptedException {
        scenery.reset();
        scenery.deploy(policy);
        teller.policy(policy);
    }

    Step healthy() {
        return new Step(
                "All is well",
                "The model that was asked for answers; no other model is called.",
                teller -> {
                    fresh(teller, usual());
                    Exchange exchange = scenery.ask(question(), usual());
                    teller.exchange(exchange);
                    teller.equal("the client got 200", 200, exchange.answer().status());
                    teller.equal("only the target was called", List.of(TARGET), exchange.models());
                    teller.equal(
                            "the target served",
                            TARGET + " @ " + Scenery.EU_ENDPOINT,
                            served(exchange));
                    teller.equal(
                            "the client's body arrived as it was sent",
                            exchange.question().body(),
                            exchange.calls().get(0).text());
                });
    }

    Step targetFails() {
        return new Step(
                "The target answers 429",
                "The target is out of quota: the fallback is called in its place. Each provider is"
                        + " shown its own credential, and no other.",
                teller -> {
                    scenery.reset();
                    scenery.eu.set(TARGET, "status=429");
                    teller.policy(usual());
                    Exchange exchange = scenery.ask(question(), usual());
                    teller.exchange(exchange);
                    teller.equal("the client got 200", 200, exchange.answer().status());
                    bothInOrder(teller, exchange);
                    teller.check(
                            "each provider saw its own credential and no other, and not the"
                                    + " client's token for the gateway",
                            Credential.EU.isOnlyOneIn(exchange.calls().get(0))
                                    && Credential.US.isOnlyOneIn(exchange.calls().get(1)),
                            Teller.told(exchange.calls()));
                });
    }

    Step targetIsSuspended() {
        return new Step(
                "The target is left alone",
                "A target that failed is suspended, here for 2 s: requests go to the fallback at"
                        + " once, without waiting for a failure first.",
                teller -> {
                    teller.policy(usual());
                    Exchange exchange = scenery.ask(question(), usual());
                    teller.exchange(exchange);
                    teller.equal("the client got 200", 200, exchange.answer().status());
                    teller.equal(
                            "the target was not called at all",
                            List.of(FALLBACK),
                            exchange.models());
                    teller.equal(
                            "one attempt", "1", exchange.answer().header("x-failover-attempts"));
                });
    }

    Step timeIsOver() {
        return new Step(
                "One request finds out whether the target is back",
                "After the suspension exactly one request probes the target while all others still"
                        + " go to the fallback. When the probe succeeds, all traffic returns.",
                teller -> {
                    teller.policy(usual());
                    teller.pause(SUSPENSION.plusMillis(200), "until the suspension is over");
                    scenery.reset();
                    scenery.eu.set(TARGET, "delay=800ms");
                    teller.note("target", "is healthy again, but takes 800 ms to answer");
                    crowd(teller);
                    scenery.eu.set(TARGET, "");
                    teller.gap();
                    Exchange after = scenery.ask(question(), usual());
                    teller.exchange(after);
                    teller.equal("traffic returned to the target", List.of(TARGET), after.models());
                });
    }

    private void crowd(Teller teller) throws IOException, InterruptedException {
        teller.asked(question());
        teller.note("", CROWD + " clients at the same time");
        List<Reply> answers = scenery.askTogether(question(), CROWD);
        List<Call> calls = scenery.calls(usual());
        List<Call> probes = calls.stream().filter(c -> c.model().equals(TARGET)).toList();
        List<Call> others = calls.stream().filter(c -> c.model().equals(FALLBACK)).toList();
        teller.note(
                "called",
                probes.size() + " × " + (probes.isEmpty() ? TARGET : Teller.told(probes.get(0))));
        teller.note(
                "",
                others.size() + " × " + (others.isEmpty() ? FALLBACK : Teller.told(others.get(0))));
        LongsByModel took = new LongsByModel(answers);
        teller.note(
                "answers",
                took.describe(TARGET, "the probe") + "; " + took.describe(FALLBACK, "the others"));
        teller.check(
                "all " + CROWD + " clients got 200",
                answers.stream().allMatch(answer -> answer.status() == 200),
                answers.stream().map(Reply::status).toList());
        teller.equal("exactly one request reached the target", 1, probes.size());
        teller.equal("the others went to the fallback", CROWD - 1, others.size());
        teller.check(
                "and did not wait for the probe",
                took.longest(FALLBACK) < 700,
                took.longest(FALLBACK) + " ms");
    }

    /** How long answers took, by the model that gave them. */
    private record LongsByModel(List<Reply> answers) {
        private List<Long> of(String model) {
            return answers.stream()
                    .filter(answer -> answer.header("x-failover-model").equals(model))
                    .map(Reply::millis)
                    .sorted()
                    .toList();
        }

        long longest(String model) {
            return of(model).stream().reduce(0L, Math::max);
        }

        String describe(String model, String who) {
            List<Long> times = of(model);
            if (times.isEmpty()) {
                return who + ": none";
            }
            long least = times.get(0);
            long most = times.get(times.size() - 1);
            return who + " after " + (least == most ? "" : least + " to ") + most + " ms";
        }
    }

    Step targetRefuses() {
        return new Step(
                "Nobody listens at the target's address",
                "The connection is refused, so no provider can tell of the call; the gateway's own"
                        + " log does.",
                teller -> {
                    Candidate gone =
                            new Candidate(
                                    TARGET, scenery.inEurope.movedTo(Client.refusingOrigin()));
                    Lineup policy = Lineup.of(gone, new Candidate(FALLBACK, scenery.inAmerica));
                    fresh(teller, policy);
                    teller.note(
                            "target", "moved to " + gone.endpoint().origin() + ", a closed port");
                    Exchange exchange = scenery.ask(question(), policy);
                    teller.exchange(exchange);
                    String log =
                            scenery.log
                                    .await("model=\"" + TARGET + "\"", "outcome=network")
                                    .orElse("nothing");
                    teller.note("log", attempts(log));
                    teller.equal("the client got 200", 200, exchange.answer().status());
                    teller.equal("the fallback served", List.of(FALLBACK), exchange.models());
                    teller.equal(
                            "two attempts", "2", exchange.answer().header("x-failover-attempts"));
                    teller.check(
                            "the gateway's log tells of the attempt at the target, and why it"
                                    + " failed",
                            log.contains("reason=\"a refused connection\""),
                            log);
                });
    }

    /** The attempts of a log line, which is long. */
    private static String attempts(String line) {
        int from = line.indexOf("#1[");
        int to = line.indexOf(']', Math.max(from, 0));
        return from < 0 || to < 0 ? line : line.substring(from, to + 1) + " …";
    }

    Step targetIsSilent() {
        return new Step(
                "The target accepts the request and stays silent",
                "It gets as long as the policy's request timeout, here 1.5 s. Then its call is"
                        + " given up and the fallback is called.",
                teller -> {
                    fresh(teller, usual());
                    scenery.eu.set(TARGET, "silent");
                    Exchange exchange = scenery.ask(question(), usual());
                    teller.exchange(exchange);
                    teller.equal("the client got 200", 200, exchange.answer().status());
                    bothInOrder(teller, exchange);
                    long took = exchange.answer().millis();
                    long limit = REQUEST_TIMEOUT.toMillis();
                    teller.check(
                            "after the request timeout and soon after it",
                            took >= limit && took < limit + 1000,
                            took + " ms");
                    teller.equal(
                            "the call to the silent target was ended by the gateway",
                            "client-left",
                            exchange.calls().get(0).end());
                });
    }

    Step allFail() {
        return new Step(
                "All candidates fail",
                "There is nobody left to call, so the client gets the last provider's own answer:"
                        + " its status, its body and when to come back.",
                teller -> {
                    fresh(teller, usual());
                    scenery.eu.set(TARGET, "status=429");
                    scenery.us.set(FALLBACK, "status=429~retry-after=7");
                    Exchange exchange = scenery.ask(question(), usual());
                    teller.exchange(exchange);
                    teller.equal("the client got the last status", 429, exchange.answer().status());
                    bothInOrder(teller, exchange);
                    teller.check(
                            "with the last provider's body",
                            exchange.answer().text().startsWith("us simulates"),
                            exchange.answer().body());
                    teller.equal(
                            "and its Retry-After", "7", exchange.answer().header("retry-after"));
                });
    }

    private static void bothInOrder(Teller teller, Exchange exchange) {
        teller.equal(
                "the target was called once, then the fallback once",
                List.of(TARGET, FALLBACK),
                exchange.models());
        if (exchange.answer().status() == 200) {
            teller.equal(
                    "the fallback served",
                    FALLBACK + " @ " + Scenery.US_ENDPOINT,
                    served(exchange));
        }
    }

    private static String served(Exchange exchange) {
        return exchange.answer().servedBy();
    }
}
