package org.modelfailover.comparison;

import static org.modelfailover.comparison.Candidate.A;
import static org.modelfailover.comparison.Candidate.B;
import static org.modelfailover.comparison.Candidate.C;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** What happens to an API, whichever policy it has. */
final class Situation {
    /** What is done; the play tells what came of it. */
    interface Script {
        void play(Play play) throws Exception;
    }

    private static final String KEEPSAKE =
            "{\"model\": \"gpt-4o\", \"temperature\": 0.70, \"messages\": []}";
    private static final String TEXT = "one two three four five six";
    private static final String SPOKEN = "text=one+two+three+four+five+six";

    final String name;
    private final Script script;
    private List<Candidate> candidates = List.of(A, B);
    private String endpointName = "prod-eu";
    private String requestTimeout = "2";
    private String suspendDuration = "60";
    private boolean defaultListens = true;

    private Situation(String name, Script script) {
        this.name = name;
        this.script = script;
    }

    String play(ComparedApis apis, Side side) throws Exception {
        String stored = Play.stored(candidates, endpointName, requestTimeout, suspendDuration);
        apis.deploy(side, stored, defaultListens);
        Play play = new Play(apis, candidates);
        script.play(play);
        return play.told();
    }

    private Situation candidates(Candidate... named) {
        candidates = List.of(named);
        return this;
    }

    private Situation endpointName(String value) {
        endpointName = value;
        return this;
    }

    private Situation requestTimeout(String value) {
        requestTimeout = value;
        return this;
    }

    private Situation suspendDuration(String value) {
        suspendDuration = value;
        return this;
    }

    private Situation nobodyListensAtTheDefault() {
        defaultListens = false;
        return this;
    }

    private static Situation when(String name, Script script) {
        return new Situation(name, script);
    }

    private static Situation whenTheTarget(String does, String directives) {
        return when(does, play -> play.does(A, directives).ask());
    }

    /** All of them, in the order of the table. */
    static List<Situation> all() {
        return Stream.of(failures(), streams(), requests(), suspensions(), configurations())
                .flatMap(List::stream)
                .toList();
    }

    private static List<Situation> failures() {
        List<Situation> all = new ArrayList<>();
        all.add(when("nothing fails", Play::ask));
        all.add(whenTheTarget("503", "status=503"));
        all.add(whenTheTarget("500", "status=500"));
        all.add(whenTheTarget("429", "status=429"));
        all.add(whenTheTarget("400 that says what is wrong", "status=400~error=invalid_value"));
        all.add(whenTheTarget("400 that says nothing known", "status=400"));
        all.add(whenTheTarget("404 that says nothing known", "status=404"));
        all.add(whenTheTarget("404, no such model", "status=404~error=model_not_found"));
        all.add(whenTheTarget("401 with the endpoint's own key", "status=401"));
        all.add(whenTheTarget("nothing for longer than the request timeout", "silent"));
        all.add(when("no connection", Play::ask).nobodyListensAtTheDefault());
        all.add(whenTheTarget("a reset before the answer", "reset"));
        all.add(whenTheTarget("half of the answer, then nothing", "stall=1"));
        all.add(whenTheTarget("200, empty", "empty"));
        all.add(whenTheTarget("200 with an error in it", "error-200"));
        all.add(whenTheTarget("200 with broken JSON", "bad-json"));
        all.add(
                when(
                        "A and B 503",
                        play -> play.does(A, "status=503").does(B, "status=503").ask()));
        all.add(
                when(
                                "five candidates fail, a sixth is well",
                                play -> {
                                    for (Candidate one : six().subList(0, 5)) {
                                        play.does(one, "status=503");
                                    }
                                    play.ask();
                                })
                        .candidates(six().toArray(new Candidate[0])));
        return all;
    }

    private static List<Situation> streams() {
        List<Situation> all = new ArrayList<>();
        all.add(
                when(
                        "a stream, nothing fails",
                        play ->
                                play.does(A, SPOKEN + "~interval=100ms")
                                        .askStreamedAndSayWhenItCame()));
        all.add(
                when(
                        "a stream that begins with an error",
                        play -> play.does(A, "error-first").askStreamed()));
        all.add(
                when(
                        "a stream that is cut after three words",
                        play ->
                                play.does(A, SPOKEN + "~cut=3~interval=50ms")
                                        .does(B, SPOKEN)
                                        .askStreamed(TEXT)));
        all.add(
                when(
                        "a stream that falls silent before its first word",
                        play -> play.does(A, "role-only-then-silence").askStreamed()));
        return all;
    }

    private static List<Situation> requests() {
        List<Situation> all = new ArrayList<>();
        all.add(
                when("the target's endpoint is not the default", Play::ask)
                        .candidates(new Candidate("A", "gpt-4o", Candidate.THIRD), B));
        all.add(
                when(
                        "a request for another model",
                        play -> play.ask("{\"model\":\"o3-mini\",\"messages\":[]}")));
        all.add(when("a request that names no model", play -> play.ask("{\"messages\":[]}")));
        return all;
    }

    private static List<Situation> suspensions() {
        List<Situation> all = new ArrayList<>();
        all.add(
                when(
                        "a second request after a 503",
                        play -> play.does(A, "status=503").ask().ask()));
        all.add(
                when(
                        "a second request after A and B 503",
                        play -> play.does(A, "status=503").does(B, "status=503").ask().ask()));
        all.add(
                when(
                                "the suspension is over, A is slow and still 503",
                                play ->
                                        play.does(A, "status=503~delay=700ms")
                                                .ask()
                                                .wait(Duration.ofMillis(1200))
                                                .askTogether(6))
                        .suspendDuration("1"));
        all.add(
                when(
                                "429 with Retry-After: 60, asked again when the suspend duration"
                                        + " is over",
                                play ->
                                        play.does(A, "status=429~retry-after=60")
                                                .ask()
                                                .wait(Duration.ofMillis(1200))
                                                .ask())
                        .suspendDuration("1"));
        all.add(
                when(
                        "A succeeds and says that no tokens remain",
                        play ->
                                play.does(
                                                A,
                                                "header=x-ratelimit-remaining-tokens:0"
                                                        + "~header=x-ratelimit-reset-tokens:60s")
                                        .ask()
                                        .ask()));
        all.add(
                whenTheTarget(
                        "success, with remaining tokens that are no number",
                        "header=x-ratelimit-remaining-tokens:unlimited"));
        return all;
    }

    private static List<Situation> configurations() {
        List<Situation> all = new ArrayList<>();
        all.add(
                when(
                        "keys in different headers, A 503",
                        play -> play.does(A, "status=503").ask().andWhoseKeysItCarried()));
        all.add(
                when(
                        "a body with spaces and `0.70`, A 503",
                        play ->
                                play.does(A, "status=503")
                                        .ask(KEEPSAKE)
                                        .andWhetherTheBodyWasKept(KEEPSAKE)));
        all.add(
                when(
                                "the client leaves while A thinks",
                                play -> play.does(A, "delay=1s").askAndLeave())
                        .requestTimeout("5"));
        all.add(
                whenTheTarget("503, an endpoint is called O'Brien's", "status=503")
                        .endpointName("O'Brien's"));
        all.add(whenTheTarget("503, an endpoint is called R&D", "status=503").endpointName("R&D"));
        all.add(
                whenTheTarget("503, the request timeout is 1.5", "status=503")
                        .requestTimeout("1.5"));
        all.add(
                whenTheTarget("503, the suspend duration was typed and cleared", "status=503")
                        .suspendDuration(""));
        return all;
    }

    private static List<Candidate> six() {
        return List.of(
                A,
                B,
                C,
                new Candidate("D", "gpt-4.1-mini", Candidate.DEFAULT),
                new Candidate("E", "gpt-4.1-nano", Candidate.SECOND),
                new Candidate("F", "o3", Candidate.THIRD));
    }
}
