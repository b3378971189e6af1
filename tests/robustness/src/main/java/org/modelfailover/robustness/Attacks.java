package org.modelfailover.robustness;

import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.ScriptedProvider;
import org.modelfailover.kit.Until;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import java.util.zip.GZIPOutputStream;

/** What one client, or one provider, may try. */
final class Attacks {
    private static final int PATIENCE_MILLIS = 20_000;
    private static final int MIB = 1 << 20;

    /** Twice as much as {@code max_request_body}. */
    private static final int MOST_SENT = 128 * MIB;

    private static final Duration LATE = Duration.ofSeconds(10);

    /**
     * @param process the gateway
     * @param port where the evil provider can be reached
     * @param policy whether the policy is there
     */
    record Target(GatewayProcess process, int port, boolean policy, ProviderProcess good) {
        RawClient connect() {
            return new RawClient(port, Pace.PIECE).patience(PATIENCE_MILLIS);
        }
    }

    /** Attacks until a time; returns what the gateway did to the attacker that it must not do. */
    interface Action {
        List<String> run(Target target, long until) throws Exception;
    }

    /**
     * @param anywhere whether no provider has a part in it, so that without the policy the innocent
     *     callers' own API is attacked
     */
    record Attack(String name, String what, Action action, boolean anywhere) {
        Attack(String name, String what, Action action) {
            this(name, what, action, false);
        }

        Attack withoutProviders() {
            return new Attack(name, what, action, true);
        }
    }

    private Attacks() {}

    static List<Attack> all() {
        return List.of(
                new Attack(
                        "announced bodies",
                        "300 connections announce 64 MiB each and send one byte",
                        Attacks::announce),
                new Attack(
                        "slow uploads",
                        "one client more than there are workers, a byte each half second",
                        Attacks::drip),
                new Attack(
                        "endless uploads",
                        "two bodies in chunks, 50 MB/s each, without an end",
                        Attacks::uploadForEver),
                new Attack(
                        "many large bodies",
                        "eight bodies of 60 MiB for a provider that keeps silent",
                        Attacks::largeBodies),
                new Attack(
                        "compressed bodies",
                        "1 MB of gzip that unpacks to 256 MiB",
                        Attacks::bombs),
                new Attack("nested requests", "8 MiB of `[`", (t, until) -> nest(t, until)),
                new Attack(
                        "numbers and a cut",
                        "a request of 62 MiB of numbers whose stream is cut",
                        Attacks::numbers),
                new Attack(
                                "paths",
                                "dot segments and backslashes, plain and encoded",
                                Attacks::paths)
                        .withoutProviders(),
                new Attack(
                                "long heads",
                                "a URL of 70 KB, a header of 9 KB, 33,000 headers",
                                Attacks::heads)
                        .withoutProviders(),
                new Attack("named headers", "headers that `Connection` names", Attacks::hopByHop)
                        .withoutProviders(),
                new Attack(
                        "readers that stop",
                        "60 streams as fast as they can, which nobody reads",
                        Attacks::stopReading),
                new Attack(
                        "resets",
                        "a thousand clients a second that reset while they wait",
                        Attacks::reset),
                new Attack(
                        "redeployments",
                        "the API is deployed anew, five times a second",
                        Attacks::redeploy),
                evil("answer", "a whole answer without an end", 4),
                evil("error", "an error without an end", 4),
                evil("header", "a header without an end", 4),
                evil("held", "an event without an end", 4),
                evil("nested", "an answer of 8 MiB of `[`", 4),
                evil("choices", "two events of 300,000 choices each", 2),
                new Attack(
                        "evil hints",
                        "a reset time of 1e22 s on a good answer",
                        (t, until) -> odd(t, until, "hint", AttackedApis.HINTED_MODEL, 200)),
                new Attack(
                        "evil status",
                        "the status 799",
                        (t, until) -> odd(t, until, "status", AttackedApis.ALONE_MODEL, 502)));
    }

    private static Attack evil(String how, String what, int clients) {
        return new Attack(
                "evil " + how,
                "a provider sends " + what + ", to " + clients + " clients",
                (target, until) -> together(clients, () -> ask(target, until, how), until));
    }

    // Clients

    private static List<String> announce(Target target, long until) {
        List<RawClient> clients = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            clients.add(target.connect().send(head("silent") + "Content-Length: 67108864\n\n{"));
        }
        Pace.sleepUntil(until);
        clients.forEach(RawClient::reset);
        return List.of();
    }

    private static List<String> drip(Target target, long until) {
        List<RawClient> clients = new ArrayList<>();
        for (int i = 0; i <= AttackedApis.WORKERS; i++) {
            clients.add(
                    target.connect().send(head("silent") + "Content-Length: 100000\n\n{\"model\""));
        }
        while (System.nanoTime() < until) {
            LockSupport.parkNanos(500_000_000);
            for (RawClient client : clients) {
                trySend(client, " ".getBytes(StandardCharsets.US_ASCII));
            }
        }
        clients.forEach(RawClient::reset);
        return List.of();
    }

    private static List<String> uploadForEver(Target target, long until) {
        List<String> wrong = new CopyOnWriteArrayList<>();
        byte[] piece = ScriptedProvider.chunk("x".repeat(Pace.PIECE));
        List<String> broken =
                together(
                        2,
                        () -> {
                            RawClient client = target.connect();
                            client.send(head("silent") + "Transfer-Encoding: chunked\n\n");
                            client.send(ScriptedProvider.chunk(question()));
                            for (int sent = 0; sent < MOST_SENT; sent += Pace.PIECE) {
                                if (!trySend(client, piece)) {
                                    return;
                                }
                            }
                            wrong.add("a body is read on, far beyond max_request_body");
                            client.reset();
                        },
                        until);
        wrong.addAll(broken);
        return target.policy ? wrong : List.of();
    }

    private static List<String> largeBodies(Target target, long until) {
        byte[] body = numbers(60 * MIB);
        List<RawClient> clients = new CopyOnWriteArrayList<>();
        List<String> wrong =
                together(
                        8,
                        () -> {
                            RawClient client = target.connect();
                            clients.add(client);
                            client.send(head("silent") + "Content-Length: " + body.length + "\n\n");
                            trySend(client, body);
                        },
                        until);
        Pace.sleepUntil(until);
        clients.forEach(RawClient::reset);
        return wrong;
    }

    private static List<String> bombs(Target target, long until) throws IOException {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream zip = new GZIPOutputStream(packed)) {
            zip.write(question().replace("}]", "}],\"pad\":\"").getBytes(StandardCharsets.UTF_8));
            byte[] zeros = new byte[MIB];
            Arrays.fill(zeros, (byte) '0');
            for (int i = 0; i < 256; i++) {
                zip.write(zeros);
            }
        }
        byte[] body = packed.toByteArray();
        String head = head("hint") + "Content-Encoding: gzip\n";
        return together(4, () -> post(target, head, body, until), until);
    }

    private static List<String> nest(Target target, long until) {
        byte[] body = "[".repeat(8 * MIB).getBytes(StandardCharsets.US_ASCII);
        byte[] inside =
                question()
                        .replace("}]", "}],\"pad\":" + "[".repeat(8 * MIB))
                        .getBytes(StandardCharsets.US_ASCII);
        List<String> wrong = together(2, () -> post(target, head("hint"), body, until), until);
        wrong.addAll(together(2, () -> post(target, head("cut"), inside, until), until));
        return wrong;
    }

    private static List<String> numbers(Target target, long until) {
        byte[] body = numbers(62 * MIB);
        return together(2, () -> post(target, head("cut"), body, until), until);
    }

    private static List<String> paths(Target target, long until) {
        List<String> wrong = new ArrayList<>();
        target.good.forget();
        for (String path :
                List.of(
                        "chat/../../tenant-b/v1/files",
                        "chat/%2e%2e/%2e%2e/tenant-b/v1/files",
                        "chat/%2E./.%2e/tenant-b/v1/files",
                        "chat/..%2f..%2ftenant-b/v1/files",
                        "chat/..\\..\\tenant-b\\v1\\files",
                        "chat/%2e%2e%5c%2e%2e%5ctenant-b/v1/files",
                        "chat/..;/..;/tenant-b/v1/files",
                        "./chat/.././../tenant-b/v1/files")) {
            String head = head("silent").replace("chat/completions", path);
            String body = GatewayTest.chat(AttackedApis.MODEL);
            try (RawClient client = target.connect()) {
                client.send(head + "Content-Length: " + body.length() + "\n\n" + body);
                int status = client.answer().status();
                if (status != 400 && status != 404) {
                    wrong.add(path + " was answered " + status);
                }
            } catch (AssertionError e) {
                wrong.add(path + ": " + e.getMessage());
            }
        }
        target.good.calls().stream()
                .map(ProviderProcess.Call::path)
                .filter(path -> path.contains("tenant"))
                .forEach(path -> wrong.add("the provider was asked for " + path));
        Pace.sleepUntil(Math.min(until, System.nanoTime() + 2_000_000_000L));
        return target.policy ? wrong : List.of();
    }

    private static List<String> heads(Target target, long until) {
        StringBuilder many = new StringBuilder();
        for (int i = 0; i < 33_000; i++) {
            many.append("x-").append(i).append(": 1\n");
        }
        String ours = head("silent");
        List<String> heads =
                List.of(
                        ours.replace("completions ", "completions?a=" + "x".repeat(70_000) + " "),
                        ours + "x-long: " + "x".repeat(9 * 1024) + "\n",
                        ours + many);
        List<String> wrong = new ArrayList<>();
        String body = GatewayTest.chat(AttackedApis.MODEL).replace("hi", "<<ok>>");
        while (System.nanoTime() < until) {
            for (String head : heads) {
                try (RawClient client = target.connect()) {
                    client.send(head + "Content-Length: " + body.length() + "\n\n" + body);
                    int status = client.answer().status();
                    if (status >= 500) {
                        wrong.add(head.length() + " bytes of head were answered " + status);
                    }
                } catch (AssertionError e) {
                    wrong.add(head.length() + " bytes of head: " + e.getMessage());
                }
            }
            LockSupport.parkNanos(100_000_000);
        }
        return target.policy ? wrong.stream().distinct().toList() : List.of();
    }

    private static List<String> hopByHop(Target target, long until) {
        target.good.forget();
        String body = GatewayTest.chat(AttackedApis.MODEL);
        try (RawClient client = target.connect()) {
            client.send(
                    head("silent")
                            + "Connection: keep-alive, x-hop\nx-hop: secret\nContent-Length: "
                            + body.length()
                            + "\n\n"
                            + body);
            client.answer();
        }
        Pace.sleepUntil(Math.min(until, System.nanoTime() + 2_000_000_000L));
        boolean seen = target.good.calls().stream().anyMatch(call -> call.header("x-hop") != null);
        return seen && target.policy ? List.of("x-hop reached the provider") : List.of();
    }

    private static List<String> stopReading(Target target, long until) {
        String body = question().replace("{\"model\"", "{\"stream\":true,\"model\"");
        List<RawClient> clients = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            RawClient client = target.connect();
            client.send(head("flood") + "Content-Length: " + body.length() + "\n\n" + body);
            clients.add(client);
        }
        Pace.sleepUntil(until);
        clients.forEach(RawClient::reset);
        return List.of();
    }

    private static List<String> reset(Target target, long until) {
        String body = question();
        while (System.nanoTime() < until) {
            List<RawClient> clients = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                RawClient client = target.connect();
                client.send(head("silent") + "Content-Length: " + body.length() + "\n\n" + body);
                clients.add(client);
            }
            LockSupport.parkNanos(50_000_000);
            clients.forEach(RawClient::reset);
        }
        int calls =
                Until.orLast(
                        LATE,
                        Duration.ofMillis(50),
                        () -> target.policy ? target.process.openCalls() : 0,
                        open -> open == 0);
        // The innocent callers have some too.
        return calls > 8 ? List.of(calls + " calls go on without a client") : List.of();
    }

    private static List<String> redeploy(Target target, long until) {
        while (System.nanoTime() < until) {
            target.process.tell("redeploy 0");
            LockSupport.parkNanos(200_000_000);
        }
        return List.of();
    }

    // Providers

    private static void ask(Target target, long until, String how) {
        String body = question();
        if (how.equals("choices") || how.equals("held")) {
            body = body.replace("{\"model\"", "{\"stream\":true,\"model\"");
        }
        post(target, head(how), body.getBytes(StandardCharsets.UTF_8), until);
    }

    private static List<String> odd(
            Target target, long until, String how, String model, int wanted) {
        String body = GatewayTest.chat(model).replace("hi", "<<ok>>");
        List<String> wrong = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            try (RawClient client = target.connect()) {
                client.send(head(how) + "Content-Length: " + body.length() + "\n\n" + body);
                int status = client.answer().status();
                if (status != wanted) {
                    wrong.add("answered " + status);
                }
            } catch (AssertionError e) {
                wrong.add(String.valueOf(e.getMessage()));
            }
            LockSupport.parkNanos(50_000_000);
        }
        Pace.sleepUntil(Math.min(until, System.nanoTime() + 2_000_000_000L));
        return target.policy ? wrong.stream().distinct().toList() : List.of();
    }

    // The ways of an attacker

    private static String head(String evil) {
        return RawClient.head("x-evil", evil);
    }

    private static String question() {
        return GatewayTest.chat(AttackedApis.EVIL_MODEL).replace("hi", "<<one two three>>");
    }

    /** A request with an array of numbers that has about this length. */
    private static byte[] numbers(int length) {
        byte[] body = new byte[length];
        Arrays.fill(body, (byte) '1');
        byte[] begin =
                question()
                        .replace("{\"model\"", "{\"stream\":true,\"model\"")
                        .replace("}]}", "}],\"pad\":[")
                        .getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(begin, 0, body, 0, begin.length);
        for (int i = begin.length + 1; i < length - 3; i += 2) {
            body[i] = ',';
        }
        body[length - 2] = ']';
        body[length - 1] = '}';
        return body;
    }

    /** Asks, and reads whatever comes until it is over or it is time. */
    private static void post(Target target, String head, byte[] body, long until) {
        while (System.nanoTime() < until) {
            RawClient client = target.connect();
            try {
                client.send(head + "Content-Length: " + body.length + "\n\n");
                if (trySend(client, body)) {
                    RawClient.Head answer = client.readHead();
                    while (answer.chunked()
                            && System.nanoTime() < until
                            && client.readChunk() != null) {
                        // Away with it.
                    }
                }
            } catch (AssertionError e) {
                // Attackers are told nothing.
            }
            client.reset();
            LockSupport.parkNanos(20_000_000);
        }
    }

    private static boolean trySend(RawClient client, byte[] bytes) {
        try {
            Pace.send(bytes, client::send);
            return true;
        } catch (AssertionError e) {
            return false;
        }
    }

    /** Runs it so many times at once; returns what went wrong with it. */
    private static List<String> together(int clients, Runnable work, long until) {
        List<String> wrong = new CopyOnWriteArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < clients; i++) {
            Thread thread =
                    new Thread(
                            () -> {
                                try {
                                    work.run();
                                } catch (AssertionError | RuntimeException e) {
                                    wrong.add(String.valueOf(e.getMessage()));
                                }
                            },
                            "attacker");
            thread.setDaemon(true);
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) {
            try {
                // One that still reads an answer is not waited for.
                thread.join(Math.max(1, (until - System.nanoTime()) / 1_000_000 + 1_000));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        return new ArrayList<>(wrong);
    }
}
