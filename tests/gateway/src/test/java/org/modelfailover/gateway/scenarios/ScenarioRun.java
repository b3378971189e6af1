package org.modelfailover.gateway.scenarios;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;

import org.modelfailover.kit.Answer;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.ProviderProcess.Call;
import org.modelfailover.kit.Until;
import org.modelfailover.kit.stream.Reading;
import org.modelfailover.kit.stream.Usage;
import org.opentest4j.TestAbortedException;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** One scenario, played against a gateway. */
final class ScenarioRun {
    private static final Duration PATIENCE = Duration.ofSeconds(2);

    /** What no error may hold. */
    private static final List<String> INTERNALS =
            List.of("127.0.0.1", "localhost", "nowhere.invalid", "Exception", "panicked");

    private final Scenario scenario;
    private final Endpoints endpoints;
    private final Template template;
    private final Caller caller;
    private final Map<String, Integer> seenBefore = new HashMap<>();

    ScenarioRun(Scenario scenario, Endpoints endpoints) {
        this.scenario = scenario;
        this.endpoints = endpoints;
        this.template = new Template(scenario);
        this.caller = new Caller(template);
    }

    /** Plays it; throws an AssertionError that tells the whole story when something differs. */
    void play(Driver gateway, String baseUrl) throws IOException, InterruptedException {
        for (Scenario.Model model : scenario.models().values()) {
            if (model.does() != null) {
                fault(model, model.does());
            }
        }
        for (Scenario.Step step : scenario.steps()) {
            Instant began = Instant.now();
            scenario.models().values().forEach(m -> seenBefore.put(m.letter(), calls(m).size()));
            for (Map.Entry<String, JsonElement> change : step.set().entrySet()) {
                fault(scenario.models().get(change.getKey()), change.getValue());
            }
            Thread.sleep(step.pause());
            if (step.redeploy() && !gateway.redeploy()) {
                throw new TestAbortedException("the driver does not redeploy");
            }
            List<Answer> answers = step.ask() == null ? List.of() : caller.ask(step.ask(), baseUrl);
            List<String> differences = awaitAgreement(step, answers);
            if (!differences.isEmpty()) {
                throw new AssertionError(story(step, differences, answers, began, gateway));
            }
        }
    }

    private void fault(Scenario.Model model, JsonElement does) {
        ProviderProcess provider =
                endpoints
                        .at(model.endpoint())
                        .orElseThrow(
                                () ->
                                        new IllegalArgumentException(
                                                scenario.id()
                                                        + ": nobody can do anything at "
                                                        + model.endpoint()));
        provider.set(nameOf(model), Directives.of(scenario.id() + ".does", template.fill(does)));
    }

    private String nameOf(Scenario.Model model) {
        return template.fill("${" + model.letter() + "}");
    }

    /** The end of a call may come into a provider's log a moment after the answer. */
    private List<String> awaitAgreement(Scenario.Step step, List<Answer> answers) {
        Expectation expectation = new Expectation();
        invariants(expectation, step, answers);
        if (step.ask() != null && step.ask().leaveAfter() == 0) {
            answered(expectation, step, answers);
        }
        List<String> differences =
                Until.orLast(
                        PATIENCE,
                        Duration.ofMillis(50),
                        () -> {
                            Expectation seen = new Expectation();
                            seen(seen, step);
                            return seen.differences();
                        },
                        List::isEmpty);
        expectation.differences().addAll(differences);
        return expectation.differences();
    }

    /** behaviour.md §8, last row, holds for every answer. */
    private static void invariants(
            Expectation expectation, Scenario.Step step, List<Answer> answers) {
        for (Answer answer : answers) {
            if (answer.isBroken()) {
                continue;
            }
            expectation.require(answer.status() != 202, "an answer is a 202");
            expectation.require(
                    answer.status() != 200 || !answer.body().isBlank(),
                    "an answer is an empty 200");
            String all = answer.headers().map() + " " + answer.body();
            for (String secret : Endpoints.SECRETS) {
                expectation.require(!all.contains(secret), "an answer holds " + secret);
            }
            String error = answer.status() >= 400 ? all : inStream(answer, step);
            for (String internal : INTERNALS) {
                expectation.require(!error.contains(internal), "an error holds " + internal);
            }
        }
    }

    private static String inStream(Answer answer, Scenario.Step step) {
        Reading reading = answer.reading(step.ask().format());
        return reading == null || reading.error() == null ? "" : reading.error();
    }

    private void answered(Expectation expectation, Scenario.Step step, List<Answer> answers) {
        Fields expect = step.expect();
        JsonElement count = expect.get("count");
        JsonElement status = expect.get("status");
        Map<Integer, Long> counts =
                answers.stream()
                        .collect(
                                Collectors.groupingBy(
                                        Answer::status, TreeMap::new, Collectors.counting()));
        if (count == null && status == null) {
            throw new IllegalArgumentException(expect.where() + " needs a status or a count");
        }
        if (count != null) {
            count.getAsJsonObject()
                    .entrySet()
                    .forEach(
                            e ->
                                    expectation.value(
                                            "number of answers " + e.getKey(),
                                            e.getValue(),
                                            String.valueOf(
                                                    counts.getOrDefault(
                                                            Integer.valueOf(e.getKey()), 0L))));
        }
        JsonElement from = expect.get("from");
        JsonElement attempts = expect.get("attempts");
        Fields headers = new Fields(expect.where(), filled(expect.get("headers")));
        JsonArray contains = parts(filled(expect.get("body")));
        Fields at = new Fields(expect.where(), filled(expect.get("at")));
        JsonElement millis = expect.get("ms");
        for (Answer answer : answers) {
            if (status != null) {
                expectation.value(
                        "status",
                        status,
                        answer.isBroken() ? null : String.valueOf(answer.status()));
            }
            if (from != null) {
                String letter = from.getAsString();
                expectation.value(
                        "x-failover-model",
                        template.fill(json("${" + letter + "}")),
                        first(answer, "x-failover-model"));
                expectation.value(
                        "x-failover-endpoint",
                        template.fill(json("${" + letter + ".endpoint}")),
                        first(answer, "x-failover-endpoint"));
            }
            if (attempts != null) {
                expectation.value(
                        "x-failover-attempts", attempts, first(answer, "x-failover-attempts"));
            }
            for (String name : headers.keys()) {
                expectation.value("header " + name, headers.get(name), first(answer, name));
            }
            for (JsonElement part : contains) {
                expectation.value("body", part, answer.body());
            }
            expectation.pointers("body", at, answer.body());
            if (expect.has("stream")) {
                streamed(expectation, expect.object("stream"), answer.reading(step.ask().format()));
            }
            if (millis != null) {
                expectation.value("milliseconds", millis, String.valueOf(answer.millis()));
            }
        }
        expect.done();
    }

    /** Whatever is not said otherwise: the stream is whole and without a fault. */
    private void streamed(Expectation expectation, Fields expected, Reading reading) {
        if (reading == null) {
            expectation.require(false, "there is no stream");
            return;
        }
        reading.faults().forEach(fault -> expectation.require(false, "the stream: " + fault));
        value(expectation, expected, "error", reading.error(), JsonNull.INSTANCE);
        value(expectation, expected, "text", reading.text(), null);
        value(expectation, expected, "reasoning", reading.reasoning(), null);
        value(expectation, expected, "arguments", reading.arguments(), null);
        value(expectation, expected, "comments", String.join("\n", reading.comments()), null);
        value(expectation, expected, "usefulAfter", text(reading.usefulAfter()), null);
        Fields usage = expected.object("usage");
        Usage got = reading.usage();
        value(expectation, usage, "prompt", got == null ? null : text(got.prompt()), null);
        value(expectation, usage, "completion", got == null ? null : text(got.completion()), null);
        value(expectation, usage, "total", got == null ? null : text(got.total()), null);
        usage.done();
        expected.done();
    }

    private void value(
            Expectation expectation, Fields said, String key, String got, JsonElement otherwise) {
        JsonElement expected = said.has(key) ? template.fill(said.get(key)) : otherwise;
        if (expected != null) {
            expectation.value("the stream's " + key, expected, got);
        }
    }

    private static String text(Long number) {
        return number == null ? null : number.toString();
    }

    /** One value, or several that must all hold. */
    private static JsonArray parts(JsonElement expected) {
        if (expected.isJsonArray()) {
            return expected.getAsJsonArray();
        }
        JsonArray one = new JsonArray();
        if (!expected.isJsonObject() || expected.getAsJsonObject().size() > 0) {
            one.add(expected);
        }
        return one;
    }

    private static JsonElement json(String text) {
        return new JsonPrimitive(text);
    }

    private JsonElement filled(JsonElement element) {
        return element == null ? new JsonObject() : template.fill(element);
    }

    private static String first(Answer answer, String name) {
        return answer.headers().firstValue(name).orElse(null);
    }

    private void seen(Expectation expectation, Scenario.Step step) {
        for (String letter : step.calls().keys()) {
            int number = since(letter).size();
            expectation.value(
                    "calls of " + letter, step.calls().get(letter), String.valueOf(number));
        }
        for (String letter : step.sees().keys()) {
            Fields sees = new Fields(step.sees().where(), filled(step.sees().get(letter)));
            List<Call> calls = since(letter);
            expectation.require(!calls.isEmpty(), letter + " was not called");
            calls.forEach(call -> saw(expectation, letter, sees, call, step));
            if (!calls.isEmpty()) {
                sees.done();
            }
        }
        for (String letter : step.gap().keys()) {
            List<Call> calls = since(letter);
            String gap =
                    calls.size() < 2
                            ? null
                            : String.valueOf(
                                    calls.get(1).log().get("at_ms").getAsLong()
                                            - calls.get(0).log().get("at_ms").getAsLong());
            expectation.value("time between the calls of " + letter, step.gap().get(letter), gap);
        }
        if (step.order() != null) {
            List<Map.Entry<String, Call>> all = new ArrayList<>();
            for (String letter : scenario.models().keySet()) {
                since(letter).forEach(call -> all.add(Map.entry(letter, call)));
            }
            all.sort(Comparator.comparing(e -> e.getValue().time()));
            List<String> order = all.stream().map(Map.Entry::getKey).toList();
            expectation.require(
                    order.equals(step.order()),
                    "order of calls: expected " + step.order() + ", got " + order);
        }
    }

    private void saw(
            Expectation expectation, String letter, Fields sees, Call call, Scenario.Step step) {
        String body = call.log().has("body") ? call.log().get("body").getAsString() : null;
        if (sees.flag("bodyAsSent")) {
            expectation.value("what " + letter + " was sent", json(caller.body(step.ask())), body);
        }
        JsonElement expected = sees.get("body");
        if (expected != null) {
            expectation.value("what " + letter + " was sent", expected, body);
        }
        Fields at = sees.object("at");
        if (!at.keys().isEmpty()) {
            expectation.pointers("what " + letter + " was sent", at, body);
        }
        for (String field : List.of("path", "method", "end", "outcome")) {
            if (sees.has(field)) {
                JsonElement got = call.log().get(field);
                expectation.value(
                        field + " at " + letter,
                        sees.get(field),
                        got.isJsonNull() ? null : got.getAsString());
            }
        }
        Fields headers = sees.object("headers");
        for (String name : headers.keys()) {
            List<String> values = call.headers(name);
            String value = values.isEmpty() ? null : values.get(values.size() - 1);
            expectation.value("header " + name + " at " + letter, headers.get(name), value);
        }
    }

    /** The calls of this model since the present step began. */
    private List<Call> since(String letter) {
        Scenario.Model model = scenario.models().get(letter);
        if (model == null) {
            throw new IllegalArgumentException(scenario.id() + ": there is no model " + letter);
        }
        List<Call> calls = calls(model);
        return calls.subList(Math.min(seenBefore.get(letter), calls.size()), calls.size());
    }

    private List<Call> calls(Scenario.Model model) {
        if (endpoints.at(model.endpoint()).isEmpty()) {
            return List.of();
        }
        String name = nameOf(model);
        String mark = model.mark() == null ? null : template.fill(model.mark());
        ProviderProcess provider = endpoints.at(model.endpoint()).get();
        return mark == null
                ? provider.callsOf(name)
                : provider.calls().stream()
                        .filter(call -> call.log().toString().contains(mark))
                        .toList();
    }

    private String story(
            Scenario.Step step,
            List<String> differences,
            List<Answer> answers,
            Instant began,
            Driver gateway) {
        StringBuilder story = new StringBuilder();
        story.append(scenario.name()).append("\n  ").append(scenario.rule());
        story.append(", ").append(scenario.id()).append(", step ").append(step.number());
        differences.forEach(difference -> story.append("\n  ✗ ").append(difference));
        story.append("\n  expected ").append(step.expect()).append(" calls ").append(step.calls());
        answers.stream().limit(5).forEach(answer -> story.append("\n  got ").append(answer));
        List<String> names = new ArrayList<>();
        for (Scenario.Model model : scenario.models().values()) {
            names.add("\"" + nameOf(model) + "\"");
            for (Call call : calls(model)) {
                boolean now = !Instant.parse(call.time()).isBefore(began);
                story.append(now ? "\n  call now  " : "\n  call before ")
                        .append(model.letter())
                        .append(" at ")
                        .append(model.endpoint())
                        .append(' ')
                        .append(call.time())
                        .append(' ')
                        .append(call.method())
                        .append(' ')
                        .append(call.path())
                        .append(' ')
                        .append(call.log().get("outcome"))
                        .append(' ')
                        .append(call.log().get("end"));
            }
        }
        gateway.logLines(names).forEach(line -> story.append("\n  log ").append(line));
        return story.toString();
    }
}
