package org.modelfailover.robustness;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;

import org.modelfailover.kit.stream.Format;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** A request that chance has made, and what its client must get. */
final class SoakRequest {
    /** What it asks for. */
    enum Kind {
        POLICY,
        OTHER_MODEL,
        FORM,
        BROKEN
    }

    /** How its client behaves. */
    enum Manner {
        STEADY,
        SLOW_UPLOAD,
        SLOW_READER,
        LEAVES_UPLOADING,
        LEAVES_WAITING,
        LEAVES_READING
    }

    private static final String BOUNDARY = "soak-boundary";
    private static final List<String> WORDS =
            List.of("plain", "größe", "\"quoted\"", "back\\slash", "😀", "tab\t", "line\n", "中文");
    private static final int LARGEST_PAD = 1 << 20;

    final Kind kind;
    final Manner manner;
    final boolean streamed;
    final Format format;
    final SoakPolicy policy;
    final List<Fault> faults = new ArrayList<>();
    final String text;
    final String path;
    final String contentType;
    final byte[] body;

    /** Statuses that the client may get; a text is always welcome where {@link #mayAnswer}. */
    final List<Integer> statuses = new ArrayList<>();

    /** Whether the whole text may be the answer. */
    boolean mayAnswer;

    /** Whether an error of the gateway, or the end of a stream by an error, may be. */
    boolean mayFail;

    SoakRequest(String id, Random random) {
        int dice = random.nextInt(100);
        kind =
                dice < 75
                        ? Kind.POLICY
                        : dice < 88 ? Kind.OTHER_MODEL : dice < 95 ? Kind.FORM : Kind.BROKEN;
        policy = SoakPolicy.ALL.get(random.nextInt(SoakPolicy.ALL.size()));
        Format[] formats = Format.values();
        format = kind == Kind.FORM ? Format.CHAT : formats[random.nextInt(formats.length)];
        streamed = kind != Kind.FORM && random.nextBoolean();
        manner = manner(random);
        text = kind == Kind.FORM ? "" : text(id, random);
        String model = kind == Kind.OTHER_MODEL ? "other~told" : policy.target();
        if (kind == Kind.FORM) {
            path = "/audio/transcriptions";
            contentType = "multipart/form-data; boundary=" + BOUNDARY;
            body = form(policy.target(), random);
        } else {
            path = format.path(model, streamed);
            contentType = "application/json";
            byte[] json = json(model, random);
            int cut = 1 + random.nextInt(json.length - 1);
            body = kind == Kind.BROKEN ? java.util.Arrays.copyOf(json, cut) : json;
        }
        expect();
    }

    private Manner manner(Random random) {
        int dice = random.nextInt(100);
        if (dice < 70) {
            return Manner.STEADY;
        }
        Manner[] others = Manner.values();
        Manner chosen = others[1 + random.nextInt(others.length - 1)];
        return chosen == Manner.SLOW_READER && !streamed ? Manner.SLOW_UPLOAD : chosen;
    }

    private String text(String id, Random random) {
        int dice = random.nextInt(100);
        int words = 2 + random.nextInt(dice < 85 ? 30 : dice < 97 ? 300 : 1500);
        return IntStream.range(0, words)
                .mapToObj(
                        i ->
                                id
                                        + "."
                                        + i
                                        + (i % 7 == 3
                                                ? WORDS.get(random.nextInt(WORDS.size()))
                                                : ""))
                .collect(Collectors.joining(" "));
    }

    /** The question tells each provider what to do and what to say. */
    private byte[] json(String model, Random random) {
        StringBuilder told = new StringBuilder();
        int words = text.split(" ").length;
        for (String provider : SoakPolicy.PROVIDERS) {
            Fault fault = Fault.HEALTHY;
            if (kind == Kind.POLICY && policy.endpoints().contains(provider)) {
                fault = Fault.any(random, format, streamed);
                int chunks = 1 + random.nextInt(words - 1);
                told.append('[').append(provider).append(' ');
                told.append(fault.directives(chunks)).append(']');
            }
            faults.add(fault);
        }
        told.append("<<").append(text).append(">>");
        JsonObject more = new JsonObject();
        if (kind == Kind.OTHER_MODEL || random.nextInt(20) == 0) {
            int length = 1 << random.nextInt(Integer.numberOfTrailingZeros(LARGEST_PAD));
            more.addProperty("user", "u".repeat(length));
        }
        String question = format.question(model, streamed, more).toString();
        return question.replace("\"hi\"", new JsonPrimitive(told.toString()).toString())
                .getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] form(String model, Random random) {
        String part = "--" + BOUNDARY + "\r\nContent-Disposition: form-data; name=\"";
        return (part
                        + "model\"\r\n\r\n"
                        + model
                        + "\r\n"
                        + part
                        + "file\"; filename=\"a.wav\"\r\n\r\n"
                        + "\u0001".repeat(random.nextInt(LARGEST_PAD))
                        + "\r\n--"
                        + BOUNDARY
                        + "--\r\n")
                .getBytes(StandardCharsets.UTF_8);
    }

    private void expect() {
        switch (kind) {
            case OTHER_MODEL:
                mayAnswer = true;
                break;
            case BROKEN:
                // Where the path names the model, a body that is torn is the provider's to refuse.
                statuses.add(400);
                break;
            case FORM:
                mayAnswer = true;
                break;
            default:
                expectOfPolicy();
        }
        if (policy.remembers() && (kind == Kind.POLICY || kind == Kind.FORM)) {
            mayFail = true;
        }
    }

    private void expectOfPolicy() {
        boolean begun = false;
        for (String endpoint : policy.endpoints()) {
            Fault.Outcome outcome = outcome(endpoint);
            if (outcome == Fault.Outcome.REFUSES) {
                statuses.add(fault(endpoint).status());
                // Nobody can go on with a request that is at fault itself, or somebody can.
                mayFail |= begun;
                if (!begun && !policy.remembers()) {
                    return;
                }
            } else if (outcome == Fault.Outcome.ANSWERS) {
                mayAnswer = true;
                if (!policy.remembers()) {
                    return;
                }
            } else {
                begun |= outcome == Fault.Outcome.BREAKS;
            }
        }
        if (!mayAnswer) {
            mayFail = true;
        }
    }

    private Fault.Outcome outcome(String endpoint) {
        return endpoint.equals(SoakPolicy.NOBODY)
                ? Fault.Outcome.FAILS
                : fault(endpoint).outcome(format, streamed);
    }

    private Fault fault(String endpoint) {
        return faults.get(SoakPolicy.PROVIDERS.indexOf(endpoint));
    }

    /** What a plain answer says; an exception when it is not the format's. */
    String said(JsonObject answer) {
        switch (format) {
            case CHAT:
                return at(answer, "choices", 0, "message", "content");
            case COMPLETIONS:
                return at(answer, "choices", 0, "text");
            case RESPONSES:
                return at(answer, "output", 0, "content", 0, "text");
            case GEMINI:
            case GEMINI_ARRAY:
                return at(answer, "candidates", 0, "content", "parts", 0, "text");
            case CONVERSE:
                return at(answer, "output", "message", "content", 0, "text");
            default:
                return at(answer, "content", 0, "text");
        }
    }

    private static String at(JsonElement from, Object... steps) {
        JsonElement at = from;
        for (Object step : steps) {
            at =
                    at instanceof JsonArray array
                            ? array.get((Integer) step)
                            : at.getAsJsonObject().get((String) step);
        }
        return at.getAsString();
    }

    /** Failures whose status the last candidate's answer may have given, or the gateway. */
    boolean isFailure(int status) {
        return status == 502
                || status == 503
                || status == 504
                || faults.stream().anyMatch(fault -> fault.status() == status && status >= 300);
    }

    @Override
    public String toString() {
        return kind
                + " "
                + (kind == Kind.POLICY || kind == Kind.FORM ? policy.model() : "")
                + policy.endpoints()
                + " "
                + format
                + (streamed ? " streamed " : " plain ")
                + manner
                + " faults "
                + faults
                + " words "
                + text.split(" ").length
                + " body "
                + body.length;
    }
}
