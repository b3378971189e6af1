package org.modelfailover.sdk;

import static org.modelfailover.sdk.End.BROKEN;
import static org.modelfailover.sdk.End.WHOLE;
import static org.modelfailover.sdk.End.status;

import com.google.gson.JsonObject;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;

/**
 * What the two candidates of a policy do, in the provider's directives, and what a call of it has
 * to end in. The candidates are one model, named after the fault, at two endpoints.
 */
enum Fault {
    HEALTHY("", "", WHOLE, WHOLE),
    TOOL_CALL("tool-call", "", WHOLE, WHOLE),

    SERVICE_UNAVAILABLE("status=503", "", WHOLE, WHOLE),
    RATE_LIMITED("status=429~retry-after=7", "", WHOLE, WHOLE),
    RESET("reset", "", WHOLE, WHOLE),
    CLOSED("close", "", WHOLE, WHOLE),
    SILENT("silent", "", WHOLE, WHOLE, impatient()),
    HEADERS_THEN_SILENCE("headers-then-silence", "", WHOLE, WHOLE, impatient()),
    EMPTY("empty", "", WHOLE, WHOLE),
    ERROR_WITH_STATUS_200("error-200", "", WHOLE, WHOLE),
    TRUNCATED_JSON("bad-json", "", WHOLE, null),
    CUT_HALF_WAY("cut", "", WHOLE, WHOLE),
    STALL("stall=3", "", WHOLE, WHOLE, impatient()),

    ERROR_FIRST("error-first", "", null, WHOLE),
    ROLE_THEN_SILENCE("role-only-then-silence", "", null, WHOLE, impatient()),
    PINGS_FOR_EVER("pings", "", null, WHOLE, impatient()),
    ROLE_THEN_PINGS_FOR_EVER("role-only-then-silence~pings", "", null, WHOLE, impatient()),
    NOTHING_BUT_THE_END("done-only", "", null, WHOLE),
    CUT_BEFORE_THE_FIRST_CHUNK("cut=0", "", null, WHOLE),

    CUT("cut=3", "", null, WHOLE),
    CUT_AND_TWO_CHUNKS_AGAIN("cut=3", "overlap=2", null, WHOLE),
    CUT_AND_ALL_AGAIN("cut=3", "prefill=ignore", null, WHOLE),
    CUT_AND_PREFILL_REFUSED("cut=3", "prefill=refuse", null, WHOLE),
    CUT_AFTER_A_SPACE("cut=5", "", null, WHOLE),
    CUT_BEFORE_THE_LAST_CHUNK("cut=16", "", null, WHOLE),
    CUT_BEFORE_THE_END("cut=17", "", null, WHOLE),
    CUT_BEFORE_THE_END_AND_ALL_AGAIN("cut=17", "prefill=ignore", null, WHOLE),
    STALL_WITH_PINGS("stall=3~pings", "", null, WHOLE, impatient()),
    ERROR_IN_BAND("error-after=3", "", null, WHOLE),
    WRONG_CHECKSUM("bad-crc=3", "", null, WHOLE),
    MALFORMED_CHUNK("bad-chunk=3", "", null, WHOLE),
    NO_END_MARKER("no-done", "", null, WHOLE),

    CUT_NOT_CONTINUED("cut=3", "", WHOLE, BROKEN, notContinued()),
    STALL_NOT_CONTINUED("stall=3", "", WHOLE, BROKEN, notContinued()),
    ERROR_IN_BAND_NOT_CONTINUED("error-after=3", "", null, BROKEN, notContinued()),
    CUT_AND_THEN_NOBODY("cut=3", "status=503", status(503), BROKEN),
    CUT_AND_CUT_AGAIN("cut=3", "cut=5", status(502), BROKEN),
    /** A tool call is not continued, whatever the policy says. */
    TOOL_CALL_CUT("tool-call~cut=1", "tool-call", WHOLE, BROKEN),

    CALLERS_FAULT("status=415", "", status(415), status(415)),
    ALL_UNAVAILABLE("status=500", "status=503", status(503), status(503)),
    ALL_RATE_LIMITED("status=429~retry-after=7", "status=429", status(429), status(429)),
    ALL_RESET("reset", "reset", status(502), status(502)),
    ALL_SILENT("silent", "silent", status(504), status(504), impatient()),
    ALL_EMPTY("empty", "empty", status(502), status(502)),
    /** Gemini's error names a status of its own. */
    ALL_ERRORS_FIRST("error-first", "error-first", null, status(502, 503)),
    /** The first call suspends both; what is judged is the second one's end. */
    ALL_SUSPENDED(
            "status=529",
            "status=529",
            status(503),
            status(503),
            Map.of("suspendDuration", "600", "whenAllSuspended", "reject"));

    static final String QUESTION = "What is to be said?";

    /**
     * What every candidate says, in 17 chunks: letters of several bytes, and what JSON and events
     * escape.
     */
    private static final String TEXT =
            "The \"quick\" brown fox\n\njumps  over\tZürich\\Köln, \uD83E\uDD8A to \u4E1C\u4EAC"
                    + " & <back>: it's data: 1 2 3 done.";

    private final String atOne;
    private final String atTwo;
    private final End asked;
    private final End streamed;
    private final Map<String, String> settings;

    Fault(String atOne, String atTwo, End asked, End streamed) {
        this(atOne, atTwo, asked, streamed, Map.of());
    }

    /**
     * One row of the table.
     *
     * @param atOne the provider's directives at the first endpoint
     * @param atTwo the same at the second
     * @param asked the end of a call that is not streamed; null when it is no case of its own
     * @param streamed the end of one that is; null likewise
     * @param settings of the policy
     */
    Fault(String atOne, String atTwo, End asked, End streamed, Map<String, String> settings) {
        this.atOne = atOne;
        this.atTwo = atTwo;
        this.asked = asked;
        this.streamed = streamed;
        this.settings = settings;
    }

    private static Map<String, String> impatient() {
        return Map.of("requestTimeout", "2", "idleTimeout", "1");
    }

    private static Map<String, String> notContinued() {
        return Map.of("requestTimeout", "2", "idleTimeout", "1", "onStreamCut", "error");
    }

    String model() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    String atOne() {
        return withText(atOne);
    }

    String atTwo() {
        return withText(atTwo);
    }

    private static String withText(String directives) {
        String text = "text=" + URLEncoder.encode(TEXT, StandardCharsets.UTF_8);
        return directives.isEmpty() ? text : directives + "~" + text;
    }

    End asked() {
        return asked;
    }

    End streamed() {
        return streamed;
    }

    Map<String, String> settings() {
        return settings;
    }

    /** Whether the answer is the call of a tool, in place of text. */
    boolean isToolCall() {
        return atOne.startsWith("tool-call");
    }

    /** What is said by who says all of it; as a tool call's arguments, JSON. */
    String answer() {
        if (!isToolCall()) {
            return TEXT;
        }
        JsonObject arguments = new JsonObject();
        arguments.addProperty("text", TEXT);
        return arguments.toString();
    }
}
