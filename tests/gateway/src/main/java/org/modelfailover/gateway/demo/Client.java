package org.modelfailover.gateway.demo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Sends questions to the gateway, and orders to the providers. */
final class Client {
    private static final HttpClient HTTP =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private static final Duration LIMIT = Duration.ofSeconds(15);

    private Client() {}

    static Answer ask(String api, Question question) throws IOException, InterruptedException {
        long started = System.nanoTime();
        if (question.stream()) {
            return stream(api, question, started);
        }
        HttpResponse<String> response = HTTP.send(request(api, question), BodyHandlers.ofString());
        return new Answer(
                response.statusCode(), response.headers(), response.body(), since(started));
    }

    /** Asks many times at once. */
    static List<Answer> askTogether(String api, Question question, int times) {
        List<CompletableFuture<Answer>> asked = new ArrayList<>();
        for (int i = 0; i < times; i++) {
            long started = System.nanoTime();
            asked.add(
                    HTTP.sendAsync(request(api, question), BodyHandlers.ofString())
                            .thenApply(
                                    response ->
                                            new Answer(
                                                    response.statusCode(),
                                                    response.headers(),
                                                    response.body(),
                                                    since(started))));
        }
        return asked.stream().map(CompletableFuture::join).toList();
    }

    private static Answer stream(String api, Question question, long started)
            throws IOException, InterruptedException {
        HttpResponse<InputStream> response =
                HTTP.send(request(api, question), BodyHandlers.ofInputStream());
        StringBuilder body = new StringBuilder();
        List<Answer.Chunk> chunks = new ArrayList<>();
        try (BufferedReader lines =
                new BufferedReader(
                        new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                body.append(line).append('\n');
                if (line.startsWith("data:")) {
                    chunks.add(new Answer.Chunk(since(started), line.substring(5).trim()));
                }
            }
        }
        return new Answer(
                response.statusCode(), response.headers(), body.toString(), since(started), chunks);
    }

    private static HttpRequest request(String api, Question question) {
        return HttpRequest.newBuilder(URI.create(api + "/chat/completions"))
                .timeout(LIMIT)
                .header("ApiKey", question.token())
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(question.body()))
                .build();
    }

    static String control(String method, String url, String body)
            throws IOException, InterruptedException {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(url))
                        .timeout(LIMIT)
                        .method(method, BodyPublishers.ofString(body))
                        .build();
        HttpResponse<String> response = HTTP.send(request, BodyHandlers.ofString());
        if (response.statusCode() / 100 != 2) {
            throw new IOException(method + " " + url + ": " + response.body());
        }
        return response.body();
    }

    private static Duration since(long started) {
        return Duration.ofNanos(System.nanoTime() - started);
    }
}
