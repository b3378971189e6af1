package org.modelfailover.gateway.scenarios;

import org.modelfailover.kit.Answer;
import org.modelfailover.kit.Client;

import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;

/** Sends a scenario's requests to the gateway. */
final class Caller {
    /** Longer than any answer may take; whoever runs into it found a hang. */
    private static final Duration HANG = Duration.ofSeconds(40);

    private final Template template;

    Caller(Template template) {
        this.template = template;
    }

    /** Asks as often as told, one after the other or all at once. */
    List<Answer> ask(Scenario.Ask ask, String baseUrl) throws InterruptedException {
        HttpRequest request = request(ask, baseUrl);
        List<Answer> answers = new ArrayList<>();
        List<CompletableFuture<Answer>> asked = new ArrayList<>();
        for (int i = 0; i < ask.times(); i++) {
            if (ask.leaveAfter() > 0) {
                answers.add(Client.sendAndLeave(request, Duration.ofMillis(ask.leaveAfter())));
            } else if (ask.together()) {
                asked.add(Client.send(request, HANG));
            } else {
                answers.add(Client.send(request, HANG).join());
            }
        }
        asked.forEach(answer -> answers.add(answer.join()));
        return answers;
    }

    private HttpRequest request(Scenario.Ask ask, String baseUrl) {
        HttpRequest.Builder builder =
                HttpRequest.newBuilder(URI.create(baseUrl + template.fill(ask.path())))
                        .method(
                                ask.method(),
                                ask.body() == null
                                        ? BodyPublishers.noBody()
                                        : BodyPublishers.ofString(body(ask)));
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        headers.put("ApiKey", "production-token-of-the-caller");
        if (ask.body() != null) {
            headers.put("Content-Type", "application/json");
        }
        for (Map.Entry<String, String> header : ask.headers().entrySet()) {
            if (header.getValue() == null) {
                headers.remove(header.getKey());
            } else {
                headers.put(header.getKey(), template.fill(header.getValue()));
            }
        }
        headers.forEach(builder::header);
        return builder.build();
    }

    /** The body as it is sent. */
    String body(Scenario.Ask ask) {
        String body = template.fill(ask.body());
        return ask.padding() == 0
                ? body
                : body.replaceFirst("\\{", "{\"pad\":\"" + "x".repeat(ask.padding()) + "\",");
    }
}
