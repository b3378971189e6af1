package org.modelfailover.kit.stream;

import software.amazon.eventstream.HeaderValue;
import software.amazon.eventstream.Message;
import software.amazon.eventstream.MessageDecoder;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** AWS event stream messages; a wrong checksum is a fault. */
final class AmazonEventStream implements Framing {
    private final List<Message> messages = new ArrayList<>();
    private final MessageDecoder decoder = new MessageDecoder(messages::add);
    private long pending;
    private boolean broken;

    @Override
    public List<Frame> push(byte[] bytes, List<String> faults) {
        if (broken) {
            return List.of();
        }
        pending += bytes.length;
        try {
            decoder.feed(bytes);
        } catch (RuntimeException e) {
            broken = true;
            faults.add("no AWS event stream: " + e.getMessage());
        }
        List<Frame> frames = new ArrayList<>();
        for (Message message : messages) {
            pending -= message.toByteBuffer().remaining();
            frames.add(frame(message, faults));
        }
        messages.clear();
        return frames;
    }

    private static Frame frame(Message message, List<String> faults) {
        Map<String, HeaderValue> headers = message.getHeaders();
        HeaderValue kind = headers.get(":message-type");
        boolean exception = kind != null && kind.getString().equals("exception");
        HeaderValue name = headers.get(exception ? ":exception-type" : ":event-type");
        if (kind == null || name == null) {
            faults.add("an AWS message without a type: " + headers);
        }
        return new Frame(
                name == null ? "" : name.getString(),
                new String(message.getPayload(), StandardCharsets.UTF_8),
                exception);
    }

    @Override
    public void end(List<String> faults) {
        if (pending > 0 && !broken) {
            faults.add("the body ends in the middle of an AWS message");
        }
    }
}
