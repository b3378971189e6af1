package org.modelfailover.kit;

import org.modelfailover.kit.stream.Piece;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpHeaders;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.BodySubscribers;
import java.net.http.HttpResponse.ResponseInfo;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPInputStream;

/** Keeps an answer as it comes in, so that what came before it broke is there too. */
final class Arrival implements BodyHandler<Void> {
    private final long started = System.nanoTime();
    private final List<Piece> pieces = new CopyOnWriteArrayList<>();
    private volatile ResponseInfo head;

    @Override
    public BodySubscriber<Void> apply(ResponseInfo info) {
        head = info;
        return BodySubscribers.ofByteArrayConsumer(
                bytes -> bytes.ifPresent(b -> pieces.add(new Piece(millis(), b))));
    }

    private long millis() {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - started);
    }

    /** The answer, or as much of it as there is; to be called once when it has ended. */
    Answer answer(Throwable error) {
        long millis = millis();
        HttpHeaders headers = head == null ? Answer.NO_HEADERS : head.headers();
        byte[] body = joined(pieces);
        List<Piece> read = List.copyOf(pieces);
        if (headers.firstValue("content-encoding").orElse("").equals("gzip")) {
            body = unzipped(body);
            read = List.of(new Piece(millis, body));
        }
        return new Answer(
                head == null ? 0 : head.statusCode(),
                headers,
                new String(body, StandardCharsets.UTF_8),
                millis,
                error == null ? null : error.toString(),
                read);
    }

    private static byte[] joined(List<Piece> pieces) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        pieces.forEach(piece -> all.writeBytes(piece.bytes()));
        return all.toByteArray();
    }

    private static byte[] unzipped(byte[] zipped) {
        try (GZIPInputStream plain = new GZIPInputStream(new ByteArrayInputStream(zipped))) {
            return plain.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
