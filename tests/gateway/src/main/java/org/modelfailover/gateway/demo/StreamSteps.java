package org.modelfailover.gateway.demo;

import org.modelfailover.gateway.demo.Lineup.Candidate;
import org.modelfailover.gateway.demo.Reply.Chunk;

import java.io.IOException;
import java.util.List;
import java.util.stream.Collectors;

/** Answers that come word by word. */
final class StreamSteps {
    private static final String TARGET = "gpt-4o";
    private static final String FALLBACK = "gpt-4o-mini";
    private static final int INTERVAL = 200;
    private static final String SENTENCE = "The sea is deep and the sky is wide.";
    private static final String BEGINNING = "\"The sea is deep\"";

    private final Scenery scenery;

    StreamSteps(Scenery scenery) {
        this.scenery = scenery;
    }

    private Lineup usual() {
        return Lineup.of(
                new Candidate(TARGET, scenery.inEurope),
                new Candidate(FALLBACK, scenery.inAmerica));
    }

    private static Question question() {
        return Question.of(TARGET, "Say something.").streamed();
    }

    private void fresh(Teller teller) throws IOException, InterruptedException {
        scenery.reset();
        scenery.deploy(usual());
        teller.policy(usual());
    }

    Step chunkByChunk() {
        return new Step(
                "A stream passes through chunk by chunk",
                "The target sends a word every "
                        + INTERVAL
                        + " ms. The gateway doesn't collect them.",
                teller -> {
                    fresh(teller);
                    scenery.eu.set(TARGET, "interval=" + INTERVAL + "ms~tokens=5");
                    Exchange exchange = scenery.ask(question(), usual());
                    tell(teller, exchange);
                    List<Chunk> words = words(exchange);
                    teller.equal("the client got 200", 200, exchange.answer().status());
                    teller.equal("five words arrived", 5, words.size());
                    long least = Long.MAX_VALUE;
                    for (int i = 1; i < words.size(); i++) {
                        least =
                                Math.min(
                                        least,
                                        words.get(i)
                                                .after()
                                                .minus(words.get(i - 1).after())
                                                .toMillis());
                    }
                    teller.check(
                            "each at its own time", least > INTERVAL / 4, "only " + least + " ms");
                    clean(teller, exchange);
                });
    }

    Step targetFallsSilent() {
        return new Step(
                "A stream begins, and then there is silence",
                "The target opens the stream, says who speaks, and then nothing. The gateway has"
                        + " held that back until there is something of use, so the client sees one"
                        + " clean stream: the fallback's.",
                teller -> {
                    fresh(teller);
                    scenery.eu.set(TARGET, "role-only-then-silence");
                    scenery.us.set(FALLBACK, "interval=" + INTERVAL / 2 + "ms~tokens=4");
                    Exchange exchange = scenery.ask(question(), usual());
                    tell(teller, exchange);
                    teller.equal("the client got 200", 200, exchange.answer().status());
                    teller.equal(
                            "the target was called once, then the fallback once",
                            List.of(TARGET, FALLBACK),
                            exchange.models());
                    teller.check(
                            "the client saw nothing of the target's stream",
                            exchange.answer().chunks().stream()
                                            .noneMatch(c -> c.id().contains("-eu-"))
                                    && exchange.answer().text().startsWith("Provider us"),
                            exchange.answer().body());
                    clean(teller, exchange);
                });
    }

    Step targetBreaksOff() {
        return new Step(
                "A stream breaks in the middle",
                "The target's connection breaks after four words. The client has these already: the"
                        + " fallback is asked to go on from them, and the client reads one answer.",
                teller -> {
                    fresh(teller);
                    String said = "~text=" + SENTENCE.replace(' ', '+');
                    scenery.eu.set(TARGET, "cut=4~interval=" + INTERVAL + "ms" + said);
                    scenery.us.set(FALLBACK, "interval=" + INTERVAL + "ms" + said);
                    Exchange exchange = scenery.ask(question(), usual());
                    tell(teller, exchange);
                    teller.note("", comment(exchange));
                    teller.note("log", scenery.log.await("stream-cut").orElse("nothing"));
                    teller.equal("the client got 200", 200, exchange.answer().status());
                    teller.equal(
                            "the text is whole, and no word is there twice",
                            SENTENCE,
                            exchange.answer().text());
                    teller.check(
                            "the fallback was told what the client had",
                            exchange.calls().get(1).text().contains(BEGINNING),
                            exchange.calls().get(1).text());
                    teller.check(
                            "a comment at the stream's end tells who went on",
                            comment(exchange).contains(FALLBACK),
                            comment(exchange));
                    clean(teller, exchange);
                });
    }

    /** The lines that client libraries pass over. */
    private static String comment(Exchange exchange) {
        return exchange.answer()
                .body()
                .lines()
                .filter(line -> line.startsWith(":"))
                .collect(Collectors.joining(" "));
    }

    private static void tell(Teller teller, Exchange exchange) {
        teller.asked(exchange.question());
        teller.calls(exchange.calls());
        List<Chunk> chunks = exchange.answer().chunks();
        for (int i = 0; i < chunks.size(); i++) {
            Chunk chunk = chunks.get(i);
            teller.note(
                    i == 0 ? "chunks" : "",
                    String.format("%5d ms  %s", chunk.after().toMillis(), chunk.meaning()));
        }
        teller.answer(exchange.answer(), exchange.policy());
    }

    private static List<Chunk> words(Exchange exchange) {
        return exchange.answer().chunks().stream().filter(c -> !c.text().isEmpty()).toList();
    }

    /** One stream: one identity, one beginning, one end. */
    private static void clean(Teller teller, Exchange exchange) {
        List<Chunk> chunks = exchange.answer().chunks();
        long ids = chunks.stream().map(Chunk::id).filter(id -> !id.isEmpty()).distinct().count();
        long beginnings = chunks.stream().filter(Chunk::hasRole).count();
        long ends = chunks.stream().filter(Chunk::isDone).count();
        teller.check(
                "it is one stream: one id, one beginning, one end",
                ids == 1 && beginnings == 1 && ends == 1 && chunks.get(chunks.size() - 1).isDone(),
                exchange.answer().body());
    }
}
