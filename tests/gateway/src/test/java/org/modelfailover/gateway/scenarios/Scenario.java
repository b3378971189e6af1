package org.modelfailover.gateway.scenarios;

import com.google.gson.JsonElement;

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
            int leaveAfter) {}

    static Scenario read(String file, int number, Fields fields) {
        String id = file.replace(".json", "") + "-" + number;
        Map<String, Model> models = new LinkedHashMap<>();
        Fields listed = fields.object("models");
        for (String letter : listed.keys()) {
            models.put(letter, model(id, letter, listed.object(letter)));
        }
        List<Step> steps = new ArrayList<>();
        for (Fields step : fields.objects("steps")) {
            steps.add(step(steps.size() + 1, step, models));
        }
        List<Policy> policies =
                fields.has("policies")
                        ? fields.objects("policies").stream().map(f -> policy(f, models)).toList()
                        : List.of(policy(fields, models));
        Scenario scenario =
                new Scenario(
                        file,
                        id,
                        fields.required("name"),
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
                                .filter(m -> !m.endpoint().equals(World.DEFAULT))
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

    private static Step step(int number, Fields fields, Map<String, Model> models) {
        Map<String, JsonElement> set = new LinkedHashMap<>();
        Fields changes = fields.object("set");
        changes.keys().forEach(letter -> set.put(letter, changes.get(letter)));
        Ask ask = fields.has("ask") ? ask(fields.get("ask"), fields, models) : null;
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
    private static Ask ask(JsonElement element, Fields step, Map<String, Model> models) {
        String plain =
                "{\"model\":\"${%s}\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
        if (element.isJsonPrimitive()) {
            return new Ask(
                    "POST",
                    "/chat/completions",
                    Map.of(),
                    String.format(plain, element.getAsString()),
                    0,
                    1,
                    false,
                    0);
        }
        Fields fields = new Fields(step.where() + ".ask", element);
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
        JsonElement body = fields.get("body");
        String method = fields.text("method", "POST");
        String text;
        if (body == null) {
            text = method.equals("GET") ? null : String.format(plain, fields.text("model", first));
        } else {
            text = body.isJsonPrimitive() ? body.getAsString() : body.toString();
        }
        Ask ask =
                new Ask(
                        method,
                        fields.text("path", "/chat/completions"),
                        headers,
                        text,
                        fields.number("padding", 0),
                        fields.number("times", 1),
                        fields.flag("together"),
                        fields.number("leaveAfter", 0));
        fields.text("model", first);
        fields.done();
        return ask;
    }
}
