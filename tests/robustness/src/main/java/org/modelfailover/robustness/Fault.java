package org.modelfailover.robustness;

import org.modelfailover.kit.stream.Format;

import java.util.Random;

/** What a simulated provider may be told to do, and what the contract makes of it (§3, §5, §6). */
enum Fault {
    HEALTHY("", Outcome.ANSWERS, Outcome.ANSWERS),
    DELAYED("delay=150ms", Outcome.ANSWERS, Outcome.ANSWERS),
    DRIP("interval=2ms", Outcome.ANSWERS, Outcome.ANSWERS),
    PIECES("split=19", Outcome.ANSWERS, Outcome.ANSWERS),
    CRLF("crlf", Outcome.ANSWERS, Outcome.ANSWERS),
    MULTILINE("multiline", Outcome.ANSWERS, Outcome.ANSWERS),
    NO_DONE("no-done", Outcome.ANSWERS, Outcome.ANSWERS),
    BAD_CHUNK("bad-chunk=N", Outcome.ANSWERS, Outcome.ANSWERS),
    PREFILL_REFUSED("prefill=refuse", Outcome.ANSWERS, Outcome.ANSWERS),
    PREFILL_IGNORED("prefill=ignore", Outcome.ANSWERS, Outcome.ANSWERS),
    OVERLAP("overlap=2", Outcome.ANSWERS, Outcome.ANSWERS),

    INTERNAL_ERROR("status=500", Outcome.FAILS, Outcome.FAILS),
    BAD_GATEWAY("status=502", Outcome.FAILS, Outcome.FAILS),
    UNAVAILABLE("status=503~retry-after=1", Outcome.FAILS, Outcome.FAILS),
    OVERLOADED("status=529", Outcome.FAILS, Outcome.FAILS),
    LIMITED("status=429~retry-after=30", Outcome.FAILS, Outcome.FAILS),
    KEY_REFUSED("status=401", Outcome.FAILS, Outcome.FAILS),
    UNKNOWN_STATUS("status=799", Outcome.FAILS, Outcome.FAILS),
    REDIRECT("redirect=http://127.0.0.1:1/", Outcome.FAILS, Outcome.FAILS),
    RESET("reset", Outcome.FAILS, Outcome.FAILS),
    CLOSE("close", Outcome.FAILS, Outcome.FAILS),
    SILENT("silent", Outcome.FAILS, Outcome.FAILS),
    ONLY_A_HEAD("headers-then-silence", Outcome.FAILS, Outcome.FAILS),
    EMPTY("empty", Outcome.FAILS, Outcome.FAILS),
    ERROR_200("error-200", Outcome.FAILS, Outcome.FAILS),
    BAD_JSON("bad-json", Outcome.FAILS, Outcome.FAILS),
    ERROR_FIRST("error-first", Outcome.ANSWERS, Outcome.FAILS),
    DONE_ONLY("done-only", Outcome.ANSWERS, Outcome.FAILS),
    ROLE_ONLY("role-only-then-silence", Outcome.ANSWERS, Outcome.FAILS),
    PINGS("role-only-then-silence~pings", Outcome.ANSWERS, Outcome.FAILS),
    OVERSIZED("tokens=30000", Outcome.FAILS, null),

    CUT("cut=N", Outcome.FAILS, Outcome.BREAKS),
    STALL("stall=N", Outcome.FAILS, Outcome.BREAKS),
    ERROR_AFTER("error-after=N", Outcome.ANSWERS, Outcome.BREAKS),
    BAD_CRC("bad-crc=N", Outcome.ANSWERS, null),

    CALLERS_FAULT("status=415", Outcome.REFUSES, Outcome.REFUSES);

    /** What a candidate's attempt comes to. */
    enum Outcome {
        /** The request's text. */
        ANSWERS,
        /** Nothing that reaches the client: the next candidate. */
        FAILS,
        /** A stream that has begun. */
        BREAKS,
        /** The caller's own fault. */
        REFUSES
    }

    /** Every other provider is well. */
    private static final int WELL_PERCENT = 50;

    private final String directives;
    private final Outcome plain;
    private final Outcome stream;

    Fault(String directives, Outcome plain, Outcome stream) {
        this.directives = directives;
        this.plain = plain;
        this.stream = stream;
    }

    /** One that can be told what comes of it. */
    static Fault any(Random random, Format format, boolean streamed) {
        if (random.nextInt(100) < WELL_PERCENT) {
            return HEALTHY;
        }
        Fault fault = values()[random.nextInt(values().length)];
        return fault.outcome(format, streamed) == null ? HEALTHY : fault;
    }

    /** Null when nobody asks for it. */
    Outcome outcome(Format format, boolean streamed) {
        if (!streamed) {
            // Amazon's error is a message alone, which nothing but its status makes an error.
            return this == ERROR_200 && format == Format.INVOKE ? null : plain;
        }
        boolean amazon = format == Format.CONVERSE || format == Format.INVOKE;
        if (this == BAD_CRC) {
            return amazon ? Outcome.BREAKS : Outcome.ANSWERS;
        }
        // What has no end marker of its own ends with nothing, or is no event stream to be torn.
        boolean marked = format == Format.CHAT || format == Format.COMPLETIONS;
        if (this == DONE_ONLY || this == NO_DONE) {
            return marked || format == Format.MESSAGES ? stream : null;
        }
        return this == BAD_CHUNK && !marked ? null : stream;
    }

    /** The directives; what happens in a stream happens after {@code chunks} chunks. */
    String directives(int chunks) {
        return directives.isEmpty() ? "" : "~" + directives.replace("=N", "=" + chunks);
    }

    /** The status that it answers with; 0 if that is none, or one that HTTP does not know. */
    int status() {
        if (this == REDIRECT) {
            return 302;
        }
        String status = directives.replaceFirst("^status=([1-5]\\d\\d).*", "$1");
        return status.length() == 3 ? Integer.parseInt(status) : 0;
    }
}
