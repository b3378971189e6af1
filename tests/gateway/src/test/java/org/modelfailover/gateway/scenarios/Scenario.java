package org.modelfailover.gateway.scenarios;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;

import org.modelfailover.kit.stream.Format;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One scenario of the catalogue, as its file has it; the README there describes the fields. */
record Scenario(
        String file,
        String id,
        String name,
        String rule,
        String known,
        String fails,
        boolean ownGateway,
        String provider,
        String toml,
        Map<String, Model> models,
        List<Policy> policies,
        List<Step> steps) {

    /** A model at an endpoint, and what the provider does when it is asked. */
    record Model(String letter, String name, String endpoint, String mark, JsonElement does) {}

    /** One attached policy; {@code configuration} is null when it follows from the models. */
    record Policy(
            List<String> models,
            String section,
            JsonElement requestTimeout,
            JsonElement suspendDuration,
            JsonElement settings,
            JsonElement configuration,
            String form,
            JsonElement attributes) {}

    /** What is done next, and what must come of it. */
    record Step(
            int number,
            int pause,
            boolean redeploy,
            Map<String, JsonElement> set,
            Ask ask,
            Fields expect,
            Fields calls,
            Fields sees,
            Fields gap,
            List<String> order) {}

    /** Requests; null when a step has none. */
    record Ask(
            String method,
            String path,
            Map<String, String> headers,
            String body,
            int padding,
            int times,
            boolean together,
            int leaveAfter,
            Format format) {}

    /** The scenarios of one object: one, or one for each wire format that it names. */
    static List<Scenario> read(String file, int number, Fields fields) {
        if (!fields.has("formats")) {
            return List.of(read(file, number, fields, null));
        }
        List<Format> formats =
                fields.get("formats").isJsonPrimitive()
                        ? List.of(Format.values())
                        : fields.texts("formats").stream().map(Format::named).toList();
        return formats.stream().map(format -> read(file, number, fields, format)).toList();
    }

    private static Scenario read(String file, int number, Fields fields, Format format) {
        String suffix = format == null ? "" : "-" + format.id();
        String id = file.replace(".json", "") + "-" + number + suffix;
        Map<String, Model> models = new LinkedHashMap<>();
        Fields listed = fields.object("models");
        for (String letter : listed.keys()) {
            models.put(letter, model(id, letter, listed.object(letter)));
        }
        List<Step> steps = new ArrayList<>();
        for (Fields step : fields.objects("steps")) {
            steps.add(step(steps.size() + 1, step, models, format));
        }
        List<Policy> policies =
                fields.has("policies")
                        ? fields.objects("policies").stream().map(f -> policy(f, models)).toList()
                        : List.of(policy(fields, models));
        Scenario scenario =
                new Scenario(
                        file,
                        id,
                        fields.required("name") + (format == null ? "" : ", " + format.id()),
                        fields.required("rule"),
                        fields.text("known", null),
                        fields.text("fails", null),
                        fields.has("gateway"),
                        fields.text("provider", "OpenAI"),
                        fields.text("toml", null),
                        models,
                        policies,
                        steps);
        fields.text("gateway", "own");
        fields.done();
        policies.forEach(p -> p.models().forEach(m -> require(models.containsKey(m), fields, m)));
        require(!steps.isEmpty(), fields, "steps");
        require(
                (scenario.known == null) == (scenario.fails == null),
                fields,
                "known and fails, both or none");
        return scenario;
    }

    private static void require(boolean condition, Fields fields, String what) {
        if (!condition) {
            throw new IllegalArgumentException(fields.where() + ": lacks " + what);
        }
    }

    private static Model model(String id, String letter, Fields fields) {
        Model model =
                new Model(
                        letter,
                        fields.text("model", letter.toLowerCase() + "-" + id),
                        fields.required("at"),
                        fields.text("mark", null),
                        fields.get("does"));
        fields.done();
        return model;
    }

    private static Policy policy(Fields fields, Map<String, Model> models) {
        List<String> candidates =
                fields.has("candidates")
                        ? fields.texts("candidates")
                        : models.values().stream()
                                .filter(m -> !m.endpoint().equals(Endpoints.DEFAULT))
                                .map(Model::letter)
                                .toList();
        Policy policy =
                new Policy(
                        candidates,
                        fields.text("section", "production"),
                        fields.get("requestTimeout"),
                        fields.get("suspendDuration"),
                        fields.get("settings"),
                        fields.get("failoverConfigs"),
                        fields.text("form", "portal"),
                        fields.get("attributes"));
        if (!fields.has("steps")) {
            fields.done();
        }
        return policy;
    }

    private static Step step(int number, Fields fields, Map<String, Model> models, Format format) {
        Map<String, JsonElement> set = new LinkedHashMap<>();
        Fields changes = fields.object("set");
        changes.keys().forEach(letter -> set.put(letter, changes.get(letter)));
        Ask ask = fields.has("ask") ? ask(fields, models, format) : null;
        Step step =
                new Step(
                        number,
                        fields.number("wait", 0),
                        fields.flag("redeploy"),
                        set,
                        ask,
                        fields.object("expect"),
                        fields.object("calls"),
                        fields.object("sees"),
                        fields.object("gap"),
                        fields.has("order") ? fields.texts("order") : null);
        fields.done();
        return step;
    }

    /** A model's letter, or an object. */
    private static Ask ask(Fields step, Map<String, Model> models, Format format) {
        JsonElement element = step.get("ask");
        if (element.isJsonPrimitive()) {
            JsonObject ask = new JsonObject();
            ask.add("model", element);
            return question(new Fields(step.where() + ".ask", ask), models, format);
        }
        return question(new Fields(step.where() + ".ask", element), models, format);
    }

    private static Ask question(Fields fields, Map<String, Model> models, Format format) {
        Map<String, String> headers = new LinkedHashMap<>();
        Fields given = fields.object("headers");
        given.keys()
                .forEach(
                        name ->
                                headers.put(
                                        name,
                                        given.get(name).isJsonNull()
                                                ? null
                                                : given.required(name)));
        String first = models.isEmpty() ? "A" : models.keySet().iterator().next();
        String model = "${" + fields.text("model", first) + "}";
        String method = fields.text("method", "POST");
        boolean stream = format != null && !fields.has("plain");
        Format asked = format == null ? Format.CHAT : format;
        JsonElement body = fields.get("body");
        if (body == null && !method.equals("GET")) {
            body = asked.question(model, stream, fields.object("with").asJson());
        }
        String text =
                body == null ? null : body.isJsonPrimitive() ? body.getAsString() : body.toString();
        Ask ask =
                new Ask(
                        method,
                        fields.text("path", asked.path(model, stream)),
                        headers,
                        text,
                        fields.number("padding", 0),
                        fields.number("times", 1),
                        fields.flag("together"),
                        fields.number("leaveAfter", 0),
                        stream ? format : null);
        fields.flag("plain");
        fields.done();
        return ask;
    }
}
