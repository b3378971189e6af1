package org.modelfailover.robustness;

import com.google.gson.JsonParser;

import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.stream.Piece;
import org.modelfailover.kit.stream.Reading;

import java.io.ByteArrayOutputStream;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;

/** A client that sends one request after the other, and knows what it must get for each. */
final class SoakClient {
    /** Longer than all clocks of all candidates together. */
    private static final int HANG_MILLIS = 30_000;

    private static final int RECEIVE_BUFFER = 1 << 16;
    private static final int MOST_WAITED_MILLIS = 400;

    /** What came of a request. */
    enum Verdict {
        WHOLE,
        CONTINUED,
        REFUSED,
        FAILED,
        LEFT,
        /** Lost to a redeployment or a restart, as it may be. */
        EXCUSED,
        WRONG,
        TRUNCATED,
        HUNG,
        /** An error where there should have been an answer. */
        LOST;

        boolean isFault() {
            return compareTo(WRONG) >= 0;
        }
    }

    /**
     * @param why what was seen; of a fault alone
     */
    record Result(Verdict verdict, String why) {
        static Result of(Verdict verdict) {
            return new Result(verdict, "");
        }
    }

    /** What came, as far as it came. */
    private static final class Arrived {
        RawClient.Head head;
        final List<Piece> pieces = new ArrayList<>();
        AssertionError broken;

        byte[] body() {
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            pieces.forEach(piece -> all.writeBytes(piece.bytes()));
            return all.toByteArray();
        }

        String seen() {
            String text = new String(body(), StandardCharsets.UTF_8);
            int length = text.length();
            String shown =
                    length < 1500
                            ? text
                            : text.substring(0, 700) + " … " + text.substring(length - 700);
            return (head == null ? "no head" : head.status() + " " + headers())
                    + (broken == null ? "" : " BROKEN: " + broken.getMessage())
                    + " body: "
                    + shown;
        }

        private String headers() {
            return head.headers().stream().map(Arrays::toString).toList().toString();
        }
    }

    private final List<Integer> ports;
    private final String name;
    private final Random random;
    private RawClient kept;
    private int keptPort;
    private int number;

    SoakClient(List<Integer> ports, String name, long seed) {
        this.ports = ports;
        this.name = name;
        random = new Random(seed);
    }

    SoakRequest next() {
        return new SoakRequest(name + "-" + number++, random);
    }

    /** Sends it and says what came of it. */
    Result play(SoakRequest request) {
        Arrived arrived = new Arrived();
        RawClient client = null;
        boolean leaves = request.manner.name().startsWith("LEAVES");
        try {
            client = connect(request);
            if (!send(client, request)) {
                return Result.of(Verdict.LEFT);
            }
            if (request.manner == SoakRequest.Manner.LEAVES_WAITING) {
                pause(random.nextInt(MOST_WAITED_MILLIS));
                leave(client);
                return Result.of(Verdict.LEFT);
            }
            read(client, request, arrived);
            if (request.manner == SoakRequest.Manner.LEAVES_READING) {
                leave(client);
                return Result.of(Verdict.LEFT);
            }
        } catch (AssertionError e) {
            arrived.broken = e;
        }
        Result result = leaves ? Result.of(Verdict.LEFT) : judge(request, arrived);
        keepOrClose(client, arrived);
        return result;
    }

    private RawClient connect(SoakRequest request) {
        int port = ports.get(request.policy.api());
        if (kept != null && keptPort == port && random.nextInt(3) > 0) {
            RawClient client = kept;
            kept = null;
            return client;
        }
        close();
        keptPort = port;
        int buffer = request.manner == SoakRequest.Manner.SLOW_READER ? RECEIVE_BUFFER : 0;
        return new RawClient(port, buffer).patience(HANG_MILLIS);
    }

    private void keepOrClose(RawClient client, Arrived arrived) {
        if (client == null) {
            return;
        }
        boolean reusable =
                arrived.broken == null
                        && arrived.head != null
                        && arrived.head.header("Content-Length") == null
                        && arrived.head.chunked()
                        && !"close".equalsIgnoreCase(arrived.head.header("Connection"));
        if (reusable) {
            kept = client;
        } else {
            client.close();
        }
    }

    void close() {
        if (kept != null) {
            kept.close();
            kept = null;
        }
    }

    /** False: it left meanwhile. */
    private boolean send(RawClient client, SoakRequest request) {
        boolean chunked = random.nextBoolean();
        byte[] body =
                chunked
                        ? RawClient.chunked(request.body, 1 + random.nextInt(1 << 14))
                        : request.body;
        client.send(
                "POST /assistant/"
                        + (request.policy.api() + 1)
                        + request.path
                        + " HTTP/1.1\n"
                        + "Host: gateway\n"
                        + "ApiKey: production-of-the-client\n"
                        + "Content-Type: "
                        + request.contentType
                        + "\n"
                        + (chunked
                                ? "Transfer-Encoding: chunked\n\n"
                                : "Content-Length: " + body.length + "\n\n"));
        switch (request.manner) {
            case LEAVES_UPLOADING:
                client.send(Arrays.copyOf(body, random.nextInt(body.length)));
                pause(random.nextInt(MOST_WAITED_MILLIS));
                leave(client);
                return false;
            case SLOW_UPLOAD:
                int pieces = 2 + random.nextInt(8);
                for (int i = 0; i < pieces; i++) {
                    long from = (long) body.length * i / pieces;
                    long to = (long) body.length * (i + 1) / pieces;
                    client.send(Arrays.copyOfRange(body, (int) from, (int) to));
                    pause(random.nextInt(MOST_WAITED_MILLIS));
                }
                return true;
            default:
                client.send(body);
                return true;
        }
    }

    private void leave(RawClient client) {
        if (random.nextBoolean()) {
            client.reset();
        } else {
            client.leave();
        }
    }

    private void read(RawClient client, SoakRequest request, Arrived arrived) {
        arrived.head = client.readHead();
        if (!arrived.head.chunked()) {
            arrived.pieces.add(new Piece(0, client.body(arrived.head)));
            return;
        }
        int leavesAfter =
                request.manner == SoakRequest.Manner.LEAVES_READING
                        ? random.nextInt(20)
                        : Integer.MAX_VALUE;
        for (int i = 0; i < leavesAfter; i++) {
            byte[] chunk = client.readChunk();
            if (chunk == null) {
                return;
            }
            arrived.pieces.add(new Piece(0, chunk));
            if (request.manner == SoakRequest.Manner.SLOW_READER) {
                pause(random.nextInt(8));
            }
        }
    }

    private static void pause(int millis) {
        LockSupport.parkNanos(millis * 1_000_000L);
    }

    private static Result judge(SoakRequest request, Arrived arrived) {
        if (arrived.broken != null && arrived.broken.getCause() instanceof SocketTimeoutException) {
            return new Result(Verdict.HUNG, arrived.seen());
        }
        if (arrived.head == null) {
            return new Result(Verdict.LOST, arrived.seen());
        }
        if (new String(arrived.body(), StandardCharsets.ISO_8859_1).contains("sk-soak")) {
            return new Result(Verdict.WRONG, "a credential: " + arrived.seen());
        }
        int status = arrived.head.status();
        if (status / 100 == 2) {
            return answered(request, arrived);
        }
        if (arrived.broken != null || arrived.body().length == 0 && status >= 400) {
            return new Result(Verdict.LOST, "no error that says anything: " + arrived.seen());
        }
        if (request.statuses.contains(status)) {
            return Result.of(Verdict.REFUSED);
        }
        if (request.mayFail && request.isFailure(status)) {
            return Result.of(Verdict.FAILED);
        }
        return new Result(Verdict.LOST, "another status: " + arrived.seen());
    }

    private static Result answered(SoakRequest request, Arrived arrived) {
        if (status(arrived) != 200) {
            return new Result(Verdict.WRONG, arrived.seen());
        }
        if (request.streamed) {
            return streamed(request, arrived);
        }
        if (arrived.broken != null) {
            return new Result(Verdict.LOST, arrived.seen());
        }
        String json = new String(arrived.body(), StandardCharsets.UTF_8);
        try {
            String said = request.said(JsonParser.parseString(json).getAsJsonObject());
            boolean right =
                    request.kind == SoakRequest.Kind.FORM
                            ? said.startsWith("Provider ")
                            : said.equals(request.text);
            if (right && request.mayAnswer) {
                return Result.of(Verdict.WHOLE);
            }
            boolean part = !right && request.text.startsWith(said);
            return new Result(part ? Verdict.TRUNCATED : Verdict.WRONG, arrived.seen());
        } catch (RuntimeException e) {
            return new Result(Verdict.TRUNCATED, e + ": " + arrived.seen());
        }
    }

    private static int status(Arrived arrived) {
        return arrived.head.status();
    }

    private static Result streamed(SoakRequest request, Arrived arrived) {
        Reading reading = request.format.read(arrived.pieces, arrived.broken != null);
        String said = reading.text();
        if (reading.isWhole()) {
            if (!said.equals(request.text)) {
                boolean part = request.text.startsWith(said);
                return new Result(part ? Verdict.TRUNCATED : Verdict.WRONG, arrived.seen());
            }
            boolean continued = reading.comments().stream().anyMatch(c -> c.contains("failover:"));
            return Result.of(continued ? Verdict.CONTINUED : Verdict.WHOLE);
        }
        if (!request.text.startsWith(said)) {
            return new Result(Verdict.WRONG, reading.faults() + " " + arrived.seen());
        }
        if (arrived.broken != null) {
            return new Result(Verdict.LOST, arrived.seen());
        }
        if (reading.error() == null) {
            return new Result(Verdict.TRUNCATED, reading.faults() + " " + arrived.seen());
        }
        if (!reading.faults().isEmpty()) {
            return new Result(Verdict.WRONG, reading.faults() + " " + arrived.seen());
        }
        return request.mayFail
                ? Result.of(Verdict.FAILED)
                : new Result(Verdict.LOST, "an error in the stream: " + arrived.seen());
    }
}
