package org.modelfailover.comparison;

import com.google.gson.JsonObject;

import org.modelfailover.gateway.demo.Call;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;

/** One scenario with one of the policies: what happens is told, not judged. */
final class Play {
    private static final String PLAIN = "{\"model\":\"%s\",\"messages\":[]}";
    private static final String STREAMED = "{\"model\":\"%s\",\"stream\":true,\"messages\":[]}";

    /** After an answer, a call may not be in the provider's log yet. */
    private static final int SETTLING_MILLIS = 1500;

    private final World world;
    private final List<Candidate> candidates;
    private final List<String> told = new ArrayList<>();
    private int seen;

    Play(World world, List<Candidate> candidates) {
        this.world = world;
        this.candidates = candidates;
    }

    /** From now on a provider does this whenever it is asked for the candidate's model. */
    Play does(Candidate candidate, String directives) throws IOException, InterruptedException {
        world.at(candidate.endpoint()).fault(candidate.model(), directives);
        return this;
    }

    /** Asks for the target's model. */
    Play ask() throws IOException, InterruptedException {
        return ask(String.format(PLAIN, candidates.get(0).model()));
    }

    Play ask(String body) throws IOException, InterruptedException {
        Answer answer = Client.await(Client.send(world.api(), body));
        return tell(answer.told(candidates) + asked(newCalls()));
    }

    /** Asks for the target's model, streamed; the whole text is the answer's when nothing fails. */
    Play askStreamed() throws IOException, InterruptedException {
        Answer answer = stream();
        return tell(answer.told(candidates) + asked(newCalls()));
    }

    Play askStreamedAndSayWhenItCame() throws IOException, InterruptedException {
        Answer answer = stream();
        return tell(
                answer.told(candidates)
                        + (answer.cameAsItWasSpoken()
                                ? ", chunk by chunk"
                                : ", all of it at the end"));
    }

    /** Tells how much of the text arrived, too. */
    Play askStreamed(String wholeText) throws IOException, InterruptedException {
        Answer answer = stream();
        String text = answer.text();
        String much =
                text.equals(wholeText)
                        ? ", with the whole text"
                        : text.isEmpty() ? ", without text" : ", with a part of the text";
        return tell(answer.told(candidates) + much + asked(newCalls()));
    }

    private Answer stream() throws InterruptedException {
        String body = String.format(STREAMED, candidates.get(0).model());
        return Client.await(Client.send(world.api(), body));
    }

    /** Asks many times at once, and tells how often the target was asked. */
    Play askTogether(int times) throws IOException, InterruptedException {
        String body = String.format(PLAIN, candidates.get(0).model());
        List<CompletableFuture<Answer>> sent = new ArrayList<>();
        for (int i = 0; i < times; i++) {
            sent.add(Client.send(world.api(), body));
        }
        for (CompletableFuture<Answer> one : sent) {
            Client.await(one);
        }
        long target =
                newCalls().stream()
                        .filter(c -> c.model().equals(candidates.get(0).model()))
                        .count();
        return tell(
                String.format(
                        "of %d requests at once, %s asked A",
                        times, target == times ? "all" : String.valueOf(target)));
    }

    /** Asks, goes away, and tells what becomes of the call. */
    Play askAndLeave() throws IOException, InterruptedException {
        String body = String.format(PLAIN, candidates.get(0).model());
        Client.sendAndLeave(world.api(), body, Duration.ofMillis(300));
        String end = newCalls().get(0).end();
        return tell(
                end.equals("client-left")
                        ? "the call to A is given up at once"
                        : "the call to A goes on to its end");
    }

    /** Tells whose keys the last call carried. */
    Play andWhoseKeysItCarried() throws IOException, InterruptedException {
        List<Call> calls = world.calls(candidates);
        Call last = calls.get(calls.size() - 1);
        List<String> keys =
                candidates.stream()
                        .filter(c -> last.headers().toString().contains(World.keyOf(c)))
                        .map(c -> c.letter() + "'s")
                        .toList();
        return add("carried " + String.join(" and ", keys) + " key");
    }

    /** Tells whether the last call's body was this, but for the model. */
    Play andWhetherTheBodyWasKept(String sent) throws IOException, InterruptedException {
        List<Call> calls = world.calls(candidates);
        Call last = calls.get(calls.size() - 1);
        String expected = sent.replace(candidates.get(0).model(), last.model());
        return add(
                last.body().equals(expected)
                        ? "had the body as sent but for the model"
                        : "had another body, `" + last.body() + "`");
    }

    Play wait(Duration time) throws InterruptedException {
        Thread.sleep(time.toMillis());
        return this;
    }

    private Play tell(String what) {
        told.add(told.isEmpty() ? what : "then " + what);
        return this;
    }

    private Play add(String what) {
        told.add("the last call " + what);
        return this;
    }

    String told() {
        return String.join("; ", told);
    }

    /** Calls since the last time, when all of them have come to their end. */
    private List<Call> newCalls() throws IOException, InterruptedException {
        List<Call> calls = world.calls(candidates);
        for (int waited = 0; waited < SETTLING_MILLIS; waited += 50) {
            if (calls.stream().noneMatch(call -> call.end().isEmpty())) {
                break;
            }
            Thread.sleep(50);
            calls = world.calls(candidates);
        }
        List<Call> fresh = List.copyOf(calls.subList(seen, calls.size()));
        seen = calls.size();
        return fresh;
    }

    private String asked(List<Call> calls) {
        if (calls.isEmpty()) {
            return " (nobody was asked)";
        }
        return calls.stream().map(this::name).collect(Collectors.joining(", ", " (asked ", ")"));
    }

    private String name(Call call) {
        String model = call.model().isEmpty() ? "no model" : "`" + call.model() + "`";
        for (Candidate candidate : candidates) {
            if (candidate.model().equals(call.model())) {
                return call.provider() == world.at(candidate.endpoint())
                        ? candidate.letter()
                        : model + " at the wrong endpoint";
            }
        }
        return model;
    }

    /** The configuration as the portal's editor stores it: with apostrophes for quotes. */
    static String stored(
            List<Candidate> candidates,
            String endpointName,
            String requestTimeout,
            String suspendDuration) {
        String rows =
                candidates.stream()
                        .skip(1)
                        .map(c -> c.stored(endpointName))
                        .collect(Collectors.joining(","));
        String section =
                "{\"targetModel\":"
                        + candidates.get(0).stored(endpointName)
                        + ",\"fallbackModels\":["
                        + rows
                        + "]}";
        JsonObject empty = new JsonObject();
        return String.format(
                        "{\"production\":%s,\"sandbox\":%s,\"requestTimeout\":\"%s\","
                                + "\"suspendDuration\":\"%s\"}",
                        section, empty, requestTimeout, suspendDuration)
                .replace('"', '\'');
    }
}
