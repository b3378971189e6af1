package org.modelfailover.kit;

import org.modelfailover.gateway.EmbeddedGateway;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** One connection to a gateway, byte by byte, where a client library would hide what happens. */
public final class RawClient implements AutoCloseable {
    private static final int PATIENCE_MILLIS = 10_000;

    private int patienceMillis = PATIENCE_MILLIS;
    private final Socket socket;
    private final InputStream in;

    /** Status and headers of an answer. */
    public record Head(String version, int status, List<String[]> headers) {
        public List<String> all(String name) {
            List<String> values = new ArrayList<>();
            for (String[] header : headers) {
                if (header[0].equalsIgnoreCase(name)) {
                    values.add(header[1]);
                }
            }
            return values;
        }

        public String header(String name) {
            List<String> values = all(name);
            return values.isEmpty() ? null : values.get(0);
        }

        public boolean chunked() {
            return "chunked".equalsIgnoreCase(header("Transfer-Encoding"));
        }
    }

    /** A whole answer. */
    public record Answer(Head head, byte[] body) {
        public int status() {
            return head.status();
        }

        public String text() {
            return new String(body, StandardCharsets.UTF_8);
        }

        public String header(String name) {
            return head.header(name);
        }
    }

    public RawClient(int port) {
        this(port, 0);
    }

    /**
     * Connects; {@code receiveBuffer} is the most that waits in the socket, 0 for the system's
     * choice. Not less than the loopback interface's 64 KiB segments: Linux may send only one every
     * 200 ms when the window is smaller than they are.
     */
    public RawClient(int port, int receiveBuffer) {
        try {
            socket = new Socket();
            if (receiveBuffer > 0) {
                socket.setReceiveBufferSize(receiveBuffer);
            }
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(PATIENCE_MILLIS);
            socket.connect(new InetSocketAddress("127.0.0.1", port));
            in = new BufferedInputStream(socket.getInputStream(), 1 << 16);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    public static RawClient to(EmbeddedGateway gateway) {
        return new RawClient(gateway.port());
    }

    /** Waits so long for the next byte, until it is called a hang. */
    public RawClient patience(int millis) {
        patienceMillis = millis;
        try {
            socket.setSoTimeout(millis);
            return this;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Sends text as it is, with {@code \n} for every line end. */
    public RawClient send(String text) {
        return send(text.replace("\n", "\r\n").getBytes(StandardCharsets.UTF_8));
    }

    public RawClient send(byte[] bytes) {
        try {
            socket.getOutputStream().write(bytes);
            socket.getOutputStream().flush();
            return this;
        } catch (IOException e) {
            throw new AssertionError("the gateway closed the connection while it was sent to", e);
        }
    }

    /** Sends a POST to the chat completions of the API at {@code /assistant/1.0.0}. */
    public RawClient post(String json, String... headers) {
        byte[] body = json.getBytes(StandardCharsets.UTF_8);
        send(head(headers) + "Content-Length: " + body.length + "\n\n");
        return send(body);
    }

    /** The head of a POST up to what says how long its body is. */
    public static String head(String... headers) {
        StringBuilder head = new StringBuilder();
        head.append("POST /assistant/1.0.0/chat/completions HTTP/1.1\nHost: gateway\n");
        boolean typed = false;
        for (int i = 0; i < headers.length; i += 2) {
            typed |= headers[i].equalsIgnoreCase("Content-Type");
            head.append(headers[i]).append(": ").append(headers[i + 1]).append('\n');
        }
        return head + (typed ? "" : "Content-Type: application/json\n");
    }

    /** Bytes as a chunked body, in pieces of {@code size}, with its end. */
    public static byte[] chunked(byte[] body, int size) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(body.length + 64);
        for (int at = 0; at < body.length; at += size) {
            int count = Math.min(size, body.length - at);
            out.writeBytes((Integer.toHexString(count) + "\r\n").getBytes());
            out.write(body, at, count);
            out.writeBytes("\r\n".getBytes());
        }
        out.writeBytes("0\r\n\r\n".getBytes());
        return out.toByteArray();
    }

    /** The next answer, whole. */
    public Answer answer() {
        Head head = readHead();
        return new Answer(head, body(head));
    }

    /** The body that belongs to a head. */
    public byte[] body(Head head) {
        if (head.chunked()) {
            ByteArrayOutputStream body = new ByteArrayOutputStream();
            for (byte[] chunk = readChunk(); chunk != null; chunk = readChunk()) {
                body.writeBytes(chunk);
            }
            return body.toByteArray();
        }
        String length = head.header("Content-Length");
        if (head.status() == 204 || head.status() == 304 || head.status() < 200) {
            return new byte[0];
        }
        if (length == null) {
            return readToEnd();
        }
        byte[] body = readOf(Integer.parseInt(length));
        if (body.length < Integer.parseInt(length)) {
            throw new AssertionError(
                    "the answer broke off after " + body.length + " of " + length + " bytes");
        }
        return body;
    }

    /** The next answer's head. */
    public Head readHead() {
        String status = readLine();
        if (status == null) {
            throw new AssertionError("the gateway closed the connection without an answer");
        }
        String[] parts = status.split(" ", 3);
        List<String[]> headers = new ArrayList<>();
        for (String line = readLine(); line != null && !line.isEmpty(); line = readLine()) {
            int colon = line.indexOf(':');
            headers.add(new String[] {line.substring(0, colon), line.substring(colon + 1).trim()});
        }
        return new Head(parts[0], Integer.parseInt(parts[1]), headers);
    }

    /** The next chunk of a chunked body; null after the last. */
    public byte[] readChunk() {
        String size = readLine();
        if (size == null) {
            throw new AssertionError("the answer broke off: no last chunk");
        }
        int length = Integer.parseInt(size.trim(), 16);
        byte[] chunk = readOf(length);
        if (chunk.length < length || readLine() == null) {
            throw new AssertionError("the answer broke off in the middle of a chunk");
        }
        return length == 0 ? null : chunk;
    }

    /** Reads chunks until {@code text} has come; returns all of them. */
    public String readChunksUntil(String text) {
        StringBuilder seen = new StringBuilder();
        while (seen.indexOf(text) < 0) {
            byte[] chunk = readChunk();
            if (chunk == null) {
                throw new AssertionError("the answer ended without " + text + ": " + seen);
            }
            seen.append(new String(chunk, StandardCharsets.UTF_8));
        }
        return seen.toString();
    }

    /** Reads, whatever the framing, until {@code text} has come; returns all of it. */
    public String readUntil(String text) {
        StringBuilder seen = new StringBuilder();
        while (seen.indexOf(text) < 0) {
            byte[] next = readOf(1);
            if (next.length == 0) {
                throw new AssertionError("the connection ended without " + text + ": " + seen);
            }
            seen.append((char) next[0]);
        }
        return seen.toString();
    }

    /** Everything up to the end of the connection. */
    public byte[] readToEnd() {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        byte[] piece = new byte[1 << 16];
        try {
            for (int n = in.read(piece); n >= 0; n = in.read(piece)) {
                all.write(piece, 0, n);
            }
        } catch (SocketTimeoutException e) {
            throw hangs(e);
        } catch (IOException e) {
            throw new AssertionError("the connection was reset after " + all.size() + " bytes", e);
        }
        return all.toByteArray();
    }

    /** Whether the gateway ends the connection, in whatever way, before it sends anything more. */
    public boolean isClosed() {
        try {
            return in.read() < 0;
        } catch (SocketTimeoutException e) {
            throw hangs(e);
        } catch (IOException e) {
            return true;
        }
    }

    private byte[] readOf(int count) {
        try {
            return in.readNBytes(count);
        } catch (SocketTimeoutException e) {
            throw hangs(e);
        } catch (IOException e) {
            throw new AssertionError("the connection was reset in the middle of an answer", e);
        }
    }

    private String readLine() {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        try {
            for (int next = in.read(); next != '\n'; next = in.read()) {
                if (next < 0) {
                    return line.size() == 0 ? null : line.toString(StandardCharsets.ISO_8859_1);
                }
                if (next != '\r') {
                    line.write(next);
                }
            }
        } catch (SocketTimeoutException e) {
            throw hangs(e);
        } catch (IOException e) {
            throw new AssertionError("the connection was reset", e);
        }
        return line.toString(StandardCharsets.ISO_8859_1);
    }

    private AssertionError hangs(SocketTimeoutException e) {
        return new AssertionError(
                "the gateway neither answered nor closed the connection for "
                        + patienceMillis / 1000
                        + " s",
                e);
    }

    /** Sends nothing more, but would go on reading: FIN. */
    public void halfClose() {
        try {
            socket.shutdownOutput();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Leaves in the middle of something: FIN, or RST when there is something that was not read. */
    public void leave() {
        close();
    }

    /** Leaves in the middle of something: RST. */
    public void reset() {
        try {
            socket.setSoLinger(true, 0);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        close();
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
