package org.modelfailover.comparison;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A caller of the API. */
final class Client {
    /** How long it waits for a whole answer. */
    static final Duration PATIENCE = Duration.ofSeconds(4);

    private static final HttpClient HTTP =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private Client() {}

    static CompletableFuture<Answer> send(String api, String body) {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(api + "/chat/completions"))
                        .header("ApiKey", "production-token")
                        .header("Content-Type", "application/json")
                        .timeout(PATIENCE)
                        .POST(BodyPublishers.ofString(body))
                        .build();
        long began = System.nanoTime();
        return CompletableFuture.supplyAsync(
                () -> {
                    try {
                        return read(HTTP.send(request, BodyHandlers.ofInputStream()), began);
                    } catch (IOException e) {
                        return Answer.none();
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                },
                task -> {
                    Thread thread = new Thread(task, "client");
                    thread.setDaemon(true);
                    thread.start();
                });
    }

    static Answer await(CompletableFuture<Answer> sent) throws InterruptedException {
        try {
            return sent.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            return Answer.none();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Sends, and goes away after a while. */
    static void sendAndLeave(String api, String body, Duration after) throws InterruptedException {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(api + "/chat/completions"))
                        .header("ApiKey", "production-token")
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString(body))
                        .build();
        CompletableFuture<?> sent = HTTP.sendAsync(request, BodyHandlers.ofString());
        Thread.sleep(after.toMillis());
        sent.cancel(true);
    }

    private static Answer read(HttpResponse<java.io.InputStream> response, long began) {
        StringBuilder body = new StringBuilder();
        long first = 0;
        boolean broken = false;
        try (BufferedReader lines =
                new BufferedReader(
                        new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith("data:") && first == 0) {
                    first = millisSince(began);
                }
                body.append(line).append('\n');
            }
        } catch (IOException e) {
            broken = true;
        }
        return new Answer(
                response.statusCode(), body.toString(), broken, first, millisSince(began));
    }

    private static long millisSince(long began) {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
    }
}
