package org.modelfailover.kit;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Requests through a client library, over HTTP/1.1. */
public final class Client {
    static final HttpClient HTTP =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private Client() {}

    public static HttpResponse<String> get(String url, String... headers) {
        return send(request(url, headers).GET().build());
    }

    public static HttpResponse<String> post(String url, String json, String... headers) {
        return send(
                request(url, headers)
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString(json))
                        .build());
    }

    public static HttpResponse<String> post(String url, String type, byte[] body) {
        return send(
                request(url)
                        .header("Content-Type", type)
                        .POST(BodyPublishers.ofByteArray(body))
                        .build());
    }

    /** Posts and returns when the head is there; the body is read line by line as it comes. */
    public static BufferedReader stream(String url, String json) {
        HttpRequest request =
                request(url)
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString(json))
                        .build();
        return new BufferedReader(
                new InputStreamReader(
                        send(request, BodyHandlers.ofInputStream()).body(),
                        StandardCharsets.UTF_8));
    }

    /** Sends a request; what comes is an {@link Answer}, also when it is none or breaks off. */
    public static CompletableFuture<Answer> send(HttpRequest request, Duration patience) {
        Arrival arrival = new Arrival();
        return HTTP.sendAsync(request, arrival)
                .orTimeout(patience.toMillis(), TimeUnit.MILLISECONDS)
                .handle((response, error) -> arrival.answer(error));
    }

    /** Sends a request and goes away after a while; returns what has come until then. */
    public static Answer sendAndLeave(HttpRequest request, Duration after)
            throws InterruptedException {
        Arrival arrival = new Arrival();
        CompletableFuture<HttpResponse<Void>> exchange = HTTP.sendAsync(request, arrival);
        Thread.sleep(after.toMillis());
        exchange.cancel(true);
        return exchange.handle((response, error) -> arrival.answer(error)).join();
    }

    private static HttpRequest.Builder request(String url, String... headers) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(20));
        for (int i = 0; i < headers.length; i += 2) {
            request.header(headers[i], headers[i + 1]);
        }
        return request;
    }

    private static HttpResponse<String> send(HttpRequest request) {
        return send(request, BodyHandlers.ofString());
    }

    private static <T> HttpResponse<T> send(HttpRequest request, BodyHandler<T> body) {
        try {
            return HTTP.send(request, body);
        } catch (IOException e) {
            throw new AssertionError("no answer to " + request + ": " + e, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    /** An endpoint's address at which nothing listens. */
    public static String refusingUrl() {
        return refusingOrigin() + "/v1";
    }

    /** The same without a path. */
    public static String refusingOrigin() {
        return "http://127.0.0.1:" + freePort();
    }

    /** A port of this machine at which nothing listens. */
    public static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
