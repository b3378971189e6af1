package org.modelfailover.comparison;

import org.modelfailover.kit.Answer;
import org.modelfailover.kit.Client;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.ProviderProcess.Call;

import java.net.http.HttpRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;

/** One situation with one of the policies: what happens is told, not judged. */
final class Play {
    private static final String PLAIN = "{\"model\":\"%s\",\"messages\":[]}";
    private static final String STREAMED = "{\"model\":\"%s\",\"stream\":true,\"messages\":[]}";

    private final ComparedApis apis;
    private final List<Candidate> candidates;
    private final List<String> told = new ArrayList<>();
    private int seen;

    Play(ComparedApis apis, List<Candidate> candidates) {
        this.apis = apis;
        this.candidates = candidates;
    }

    /** From now on a provider does this whenever it is asked for the candidate's model. */
    Play does(Candidate candidate, String directives) {
        apis.at(candidate.endpoint()).set(candidate.model(), directives);
        return this;
    }

    /** Asks for the target's model. */
    Play ask() {
        return ask(String.format(PLAIN, candidates.get(0).model()));
    }

    Play ask(String body) {
        AnswerInWords answer = inWords(body);
        return tell(answer.told() + asked(newCalls()));
    }

    /** Asks for the target's model, streamed; the whole text is the answer's when nothing fails. */
    Play askStreamed() {
        AnswerInWords answer = stream();
        return tell(answer.told() + asked(newCalls()));
    }

    Play askStreamedAndSayWhenItCame() {
        AnswerInWords answer = stream();
        return tell(
                answer.told()
                        + (answer.cameAsItWasSpoken()
                                ? ", chunk by chunk"
                                : ", all of it at the end"));
    }

    /** Tells how much of the text arrived, too. */
    Play askStreamed(String wholeText) {
        AnswerInWords answer = stream();
        String text = answer.text();
        String much =
                text.equals(wholeText)
                        ? ", with the whole text"
                        : text.isEmpty() ? ", without text" : ", with a part of the text";
        return tell(answer.told() + much + asked(newCalls()));
    }

    private AnswerInWords stream() {
        return inWords(String.format(STREAMED, candidates.get(0).model()));
    }

    private AnswerInWords inWords(String body) {
        return new AnswerInWords(ask(apis.request(body)).join(), candidates);
    }

    /** An answer that is not whole in time is none. */
    private static CompletableFuture<Answer> ask(HttpRequest request) {
        return Client.send(request, ComparedApis.PATIENCE)
                .thenApply(answer -> isLate(answer) ? Answer.none(answer.broken()) : answer);
    }

    private static boolean isLate(Answer answer) {
        return answer.isBroken() && answer.millis() >= ComparedApis.PATIENCE.toMillis();
    }

    /** Asks many times at once, and tells how often the target was asked. */
    Play askTogether(int times) {
        String body = String.format(PLAIN, candidates.get(0).model());
        List<CompletableFuture<Answer>> sent = new ArrayList<>();
        for (int i = 0; i < times; i++) {
            sent.add(ask(apis.request(body)));
        }
        sent.forEach(CompletableFuture::join);
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
    Play askAndLeave() throws InterruptedException {
        String body = String.format(PLAIN, candidates.get(0).model());
        Client.sendAndLeave(apis.request(body), Duration.ofMillis(300));
        String end = newCalls().get(0).end();
        return tell(
                "client-left".equals(end)
                        ? "the call to A is given up at once"
                        : "the call to A goes on to its end");
    }

    /** Tells whose keys the last call carried. */
    Play andWhoseKeysItCarried() {
        List<Call> calls = apis.calls(candidates);
        Call last = calls.get(calls.size() - 1);
        List<String> keys =
                candidates.stream()
                        .filter(
                                c ->
                                        last.log()
                                                .get("headers")
                                                .toString()
                                                .contains(ComparedApis.keyOf(c)))
                        .map(c -> c.letter() + "'s")
                        .toList();
        return add("carried " + String.join(" and ", keys) + " key");
    }

    /** Tells whether the last call's body was this, but for the model. */
    Play andWhetherTheBodyWasKept(String sent) {
        List<Call> calls = apis.calls(candidates);
        Call last = calls.get(calls.size() - 1);
        String expected = sent.replace(candidates.get(0).model(), last.model());
        return add(
                last.text().equals(expected)
                        ? "had the body as sent but for the model"
                        : "had another body, `" + last.text() + "`");
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
    private List<Call> newCalls() {
        List<Call> calls = apis.calls(candidates);
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
                return call.provider() == apis.at(candidate.endpoint())
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
        return FailoverConfigs.empty()
                .production(candidates.stream().map(c -> c.entered(endpointName)).toList())
                .requestTimeout(requestTimeout)
                .suspendDuration(suspendDuration)
                .stored();
    }
}
