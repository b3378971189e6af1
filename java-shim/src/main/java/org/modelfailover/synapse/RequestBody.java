package org.modelfailover.synapse;

import org.apache.axis2.AxisFault;
import org.apache.axis2.context.MessageContext;
import org.apache.axis2.transport.MessageFormatter;
import org.apache.synapse.transport.nhttp.util.MessageFormatterDecoratorFactory;
import org.apache.synapse.transport.passthru.Pipe;
import org.apache.synapse.transport.passthru.SourceContext;
import org.apache.synapse.transport.passthru.SourceRequest;
import org.apache.synapse.transport.passthru.util.PassThroughTransportUtils;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Field;
import java.util.Arrays;
import java.util.Map;

/**
 * Reads a request's body once, as bytes.
 *
 * <p>This is the one place where a worker waits, for the client and not for a provider: which
 * policy answers is decided by the body, and the host goes on with the next policy when this one
 * returns. The host's own mediators wait there in the same way.
 */
final class RequestBody {
    private static final int CHUNK = 8192;

    /** Where the engine keeps the pipe, which has no setter; null when it does not. */
    private static final Field ENGINES_PIPE = enginesPipe();

    private RequestBody() {}

    /** The body is larger than allowed. */
    static final class TooLarge extends IOException {
        private static final long serialVersionUID = 1L;

        TooLarge(long limit) {
            super("The request body is larger than " + limit + " bytes");
        }
    }

    /** Whether a mediator before this one has taken the body out of the pipe. */
    static boolean isBuilt(MessageContext axis2) {
        return Boolean.TRUE.equals(axis2.getProperty(Properties.BUILDER_INVOKED));
    }

    /**
     * Whether the request has a body without an end: neither a length nor chunks (RFC 9112 section
     * 6.3). The engine would wait for the client to close the connection.
     */
    static boolean isUnframed(MessageContext axis2) {
        Object headers = axis2.getProperty(Properties.HEADERS);
        return axis2.getProperty(Properties.PIPE) instanceof Pipe
                && headers instanceof Map
                && !((Map<?, ?>) headers).containsKey("Content-Length")
                && !((Map<?, ?>) headers).containsKey("Transfer-Encoding");
    }

    /**
     * Reads the body.
     *
     * @param contentLength the declared length, or -1
     * @param limit the most bytes to keep
     * @return the body, empty when there is none
     * @throws TooLarge when there are more; the rest was read and dropped, as the connection needs
     * @throws IOException when the client went away
     */
    static byte[] read(MessageContext axis2, long contentLength, long limit) throws IOException {
        if (isBuilt(axis2)) {
            return serialise(axis2);
        }
        Object pipe = axis2.getProperty(Properties.PIPE);
        if (!(pipe instanceof Pipe)) {
            return new byte[0];
        }
        InputStream in = ((Pipe) pipe).getInputStream();
        long expected = contentLength < 0 ? CHUNK : Math.min(contentLength, limit) + 1;
        byte[] body = new byte[(int) Math.min(expected, Integer.MAX_VALUE - 8)];
        long length = 0;
        byte[] dropped = null;
        while (true) {
            boolean over = length > limit;
            if (over && dropped == null) {
                dropped = new byte[CHUNK];
            } else if (!over && length == body.length) {
                body = Arrays.copyOf(body, grown(body.length));
            }
            int at = (int) length;
            int count = over ? in.read(dropped) : in.read(body, at, body.length - at);
            if (count == 0) {
                // Apache's pipe says so when the client broke off.
                throw new IOException("The client went away while it sent the request");
            }
            if (count < 0) {
                break;
            }
            length += count;
        }
        if (contentLength >= 0 && length < contentLength) {
            // WSO2's pipe ends as if the body were complete.
            throw new IOException("The client went away while it sent the request");
        }
        if (length > limit) {
            throw new TooLarge(limit);
        }
        return length == body.length ? body : Arrays.copyOf(body, (int) length);
    }

    /**
     * Lets go of the buffer through which the body came, which the engine keeps as long as the
     * request. Whoever asks for the body from now on finds one that has been read.
     */
    static void forget(MessageContext axis2, ClientExchange.Source source) {
        Object pipe = axis2.getProperty(Properties.PIPE);
        if (ENGINES_PIPE == null || pipe == null || pipe != source.request.getPipe()) {
            return;
        }
        Pipe read = ResponsePipe.ofNothing(source.configuration);
        try {
            ENGINES_PIPE.set(source.request, read);
        } catch (IllegalAccessException e) {
            return;
        }
        SourceContext.get(source.connection).setReader(read);
        axis2.setProperty(Properties.PIPE, read);
    }

    private static Field enginesPipe() {
        try {
            Field field = SourceRequest.class.getDeclaredField("pipe");
            field.setAccessible(true);
            return field;
        } catch (NoSuchFieldException | RuntimeException e) {
            return null;
        }
    }

    private static int grown(int length) {
        return (int) Math.min(Integer.MAX_VALUE - 8L, length * 2L);
    }

    private static byte[] serialise(MessageContext axis2) throws IOException {
        byte[] json = Engine.of().jsonPayload(axis2);
        if (json != null) {
            return json;
        }
        if (Boolean.TRUE.equals(axis2.getProperty(Properties.NO_ENTITY_BODY))) {
            return new byte[0];
        }
        try {
            MessageFormatter formatter =
                    MessageFormatterDecoratorFactory.createMessageFormatterDecorator(axis2);
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            formatter.writeTo(axis2, PassThroughTransportUtils.getOMOutputFormat(axis2), out, true);
            return out.toByteArray();
        } catch (AxisFault e) {
            throw new IOException("The request body can't be written: " + e.getMessage(), e);
        }
    }
}
