package org.modelfailover.gateway.demo;

import org.modelfailover.kit.ProviderProcess.Call;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Tells the steps, and remembers what did not hold. */
final class Teller {
    private final Paper paper;
    private final List<String> failures = new ArrayList<>();
    private int number;
    private String title;

    Teller(Paper paper) {
        this.paper = paper;
    }

    List<String> failures() {
        return failures;
    }

    void tell(Step step) throws InterruptedException {
        number++;
        title = step.title();
        paper.title(number + ". " + title);
        paper.text(step.meaning());
        paper.gap();
        try {
            step.scene().play(this);
        } catch (IOException | RuntimeException | AssertionError e) {
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            check("the step came to its end", false, e.toString());
        }
    }

    /** What the deployed policy says. */
    void policy(Lineup lineup) {
        paper.row("configured", lineup.toString());
    }

    void note(String label, String text) {
        paper.row(label, text);
    }

    /** Lets time pass, and says why. */
    void pause(Duration time, String reason) throws InterruptedException {
        paper.row("waiting", String.format("%.1f s %s", time.toMillis() / 1000.0, reason));
        Thread.sleep(time.toMillis());
    }

    void asked(Question question) {
        paper.row("client", question.toString());
    }

    void calls(List<Call> calls) {
        if (calls.isEmpty()) {
            paper.row("called", "nobody");
        }
        for (int i = 0; i < calls.size(); i++) {
            paper.row(i == 0 ? "called" : "", (i + 1) + ". " + told(calls.get(i)));
        }
    }

    static String told(Call call) {
        String answered = call.outcome() + ("client-left".equals(call.end()) ? ", given up" : "");
        return String.format(
                "%-13s at %s → %-22s %s",
                call.model(), call.provider().name(), answered, Credential.toldOf(call));
    }

    static List<String> told(List<Call> calls) {
        return calls.stream().map(Teller::told).toList();
    }

    void answer(Reply answer, Lineup lineup) {
        paper.row("answer", answer.summary(lineup));
        if (!answer.text().isEmpty()) {
            paper.row("", "“" + answer.text() + "”");
        }
    }

    /** All that there is to tell about an exchange. */
    void exchange(Exchange exchange) {
        asked(exchange.question());
        calls(exchange.calls());
        answer(exchange.answer(), exchange.policy());
    }

    void gap() {
        paper.gap();
    }

    void equal(String what, Object expected, Object seen) {
        check(what, expected.equals(seen), "it was " + seen + ", not " + expected);
    }

    void check(String what, boolean held, Object seen) {
        paper.check(held, held ? what : what + ": " + seen);
        if (!held) {
            failures.add(number + ". " + title + ": " + what);
        }
    }
}
