package org.modelfailover.kit;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A {@code simulated-provider} process on a free port (see {@code tests/provider/README.md}). It
 * ends when this handle is closed, and with this JVM.
 *
 * <p>The program is named by the system property {@code provider.binary} or the variable {@code
 * PROVIDER_BINARY}, or is the one that cargo built last in this repository.
 */
public final class ProviderProcess implements AutoCloseable {
    private static final Duration START_LIMIT = Duration.ofSeconds(60);

    private final String name;
    private final Program program;

    /**
     * One call as the provider logged it.
     *
     * @param provider who logged it
     * @param log its log line
     */
    public record Call(ProviderProcess provider, JsonObject log) {
        public int seq() {
            return log.get("seq").getAsInt();
        }

        /** When it came: RFC 3339, so that the order of texts is that of times. */
        public String time() {
            return log.get("time").getAsString();
        }

        public String method() {
            return log.get("method").getAsString();
        }

        /** With the query. */
        public String path() {
            return log.get("path").getAsString();
        }

        /** The model that was asked for; empty when the request names none. */
        public String model() {
            return string("model");
        }

        /** Every value of a header, in order. */
        public List<String> headers(String name) {
            List<String> values = new ArrayList<>();
            for (JsonElement header : log.getAsJsonArray("headers")) {
                JsonArray pair = header.getAsJsonArray();
                if (pair.get(0).getAsString().equalsIgnoreCase(name)) {
                    values.add(pair.get(1).getAsString());
                }
            }
            return values;
        }

        public String header(String name) {
            List<String> values = headers(name);
            return values.isEmpty() ? null : String.join(", ", values);
        }

        public byte[] body() {
            JsonElement encoded = log.get("body_base64");
            if (encoded != null && !encoded.isJsonNull()) {
                return Base64.getDecoder().decode(encoded.getAsString());
            }
            return text().getBytes(StandardCharsets.UTF_8);
        }

        /** The body as text; empty when it is none. */
        public String text() {
            return string("body");
        }

        /** What the provider did: {@code answered 503}, {@code silent} … */
        public String outcome() {
            return string("outcome");
        }

        /** How it ended, or null while it goes on. */
        public String end() {
            JsonElement end = log.get("end");
            return end == null || end.isJsonNull() ? null : end.getAsString();
        }

        public boolean hasEnded() {
            return end() != null;
        }

        /** The same number for all calls on one connection. */
        public int connection() {
            return log.get("connection").getAsInt();
        }

        /** When the caller closed the connection, by the system's clock in milliseconds. */
        public long clientLeftAt() {
            return Instant.parse(time()).toEpochMilli() + log.get("client_left_ms").getAsLong();
        }

        /** Whether the caller closed the connection before the answer was whole. */
        public boolean clientLeft() {
            JsonElement left = log.get("client_left_ms");
            return left != null && !left.isJsonNull();
        }

        private String string(String key) {
            JsonElement value = log.get(key);
            return value == null || value.isJsonNull() ? "" : value.getAsString();
        }
    }

    private ProviderProcess(String name, Program program) {
        this.name = name;
        this.program = program;
    }

    /** Starts one that calls itself {@code name}; {@code options} as its README has them. */
    public static ProviderProcess start(String name, String... options) {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                binary().toString(),
                                "--name",
                                name,
                                "--threads",
                                "1",
                                "--until-stdin-closes"));
        command.addAll(List.of(options));
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
        try {
            return new ProviderProcess(name, Program.start("listening on ", START_LIMIT, builder));
        } catch (IOException e) {
            throw new AssertionError(command + " did not start", e);
        }
    }

    private static Path binary() {
        String named = System.getProperty("provider.binary", System.getenv("PROVIDER_BINARY"));
        if (named != null) {
            return Path.of(named);
        }
        for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
            for (String profile : new String[] {"release", "debug"}) {
                Path binary = at.resolve("target").resolve(profile).resolve("simulated-provider");
                if (Files.isExecutable(binary)) {
                    return binary;
                }
            }
        }
        throw new AssertionError(
                "no simulated-provider: run `cargo build -p simulated-provider`, or name it with"
                        + " -Dprovider.binary=…");
    }

    public String name() {
        return name;
    }

    /** Its address without a path. */
    public String origin() {
        return program.said();
    }

    /** The address that an endpoint is given: {@code http://127.0.0.1:PORT/v1}. */
    public String url() {
        return origin() + "/v1";
    }

    public int port() {
        return URI.create(origin()).getPort();
    }

    public List<Call> calls() {
        return calls("");
    }

    private List<Call> calls(String query) {
        JsonArray log =
                JsonParser.parseString(control("GET", "calls" + query, "")).getAsJsonArray();
        List<Call> calls = new ArrayList<>();
        log.forEach(call -> calls.add(new Call(this, call.getAsJsonObject())));
        return calls;
    }

    public List<Call> callsOf(String model) {
        String encoded = URLEncoder.encode(model, StandardCharsets.UTF_8).replace("+", "%20");
        return calls("?model=" + encoded);
    }

    /** The one call that there was. */
    public Call only() {
        List<Call> calls = calls();
        if (calls.size() != 1) {
            throw new AssertionError(
                    "the provider "
                            + name
                            + " was called "
                            + calls.size()
                            + " times, not once: "
                            + calls.stream().map(Call::path).collect(Collectors.toList()));
        }
        return calls.get(0);
    }

    /** Waits until the one call that there was has ended. */
    public Call onlyEnded() {
        return Until.is("the call at the provider " + name + " ends", this::only, Call::hasEnded);
    }

    /** Sets what this very model does from now on; the empty string is healthy. */
    public void set(String model, String directives) {
        JsonObject fault = new JsonObject();
        fault.addProperty("model", model);
        fault.addProperty("directives", directives);
        control("PUT", "faults", fault.toString());
    }

    /** Healthy, and without memory of calls. */
    public void forget() {
        forgetCalls();
        control("DELETE", "faults", "");
    }

    public void forgetCalls() {
        control("DELETE", "calls", "");
    }

    private String control(String method, String what, String body) {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(origin() + "/_control/" + what))
                        .method(method, BodyPublishers.ofString(body))
                        .build();
        try {
            HttpResponse<String> answer = Client.HTTP.send(request, BodyHandlers.ofString());
            if (answer.statusCode() >= 300) {
                throw new AssertionError(
                        Map.of(request.toString(), answer.statusCode() + " " + answer.body()));
            }
            return answer.body();
        } catch (IOException e) {
            throw new AssertionError("the provider " + name + " does not answer", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        program.close();
    }
}
