package org.modelfailover.sdk;

import static org.modelfailover.sdk.End.BROKEN;
import static org.modelfailover.sdk.End.WHOLE;
import static org.modelfailover.sdk.End.status;

import java.util.Locale;
import java.util.Map;

/**
 * What the two candidates of a policy do, and what a call of it has to end in. They are one model,
 * named after the fault, at two endpoints.
 */
enum Fault {
    HEALTHY("", "", WHOLE, WHOLE),
    SERVICE_UNAVAILABLE("status=503", "", WHOLE, WHOLE),
    RATE_LIMITED("status=429~retry-after=7", "", WHOLE, WHOLE),
    RESET("reset", "", WHOLE, WHOLE),
    CLOSED("close", "", WHOLE, WHOLE),
    SILENT("silent", "", WHOLE, WHOLE, impatient()),
    HEADERS_THEN_SILENCE("headers-then-silence", "", WHOLE, WHOLE, impatient()),
    EMPTY("empty", "", WHOLE, WHOLE),
    ERROR_WITH_STATUS_200("error-200", "", WHOLE, WHOLE),
    TRUNCATED_JSON("bad-json", "", WHOLE, null),
    CUT_IN_THE_MIDDLE("cut", "", WHOLE, WHOLE),

    ERROR_FIRST("error-first", "", null, WHOLE),
    ROLE_THEN_SILENCE("role-only-then-silence", "", null, WHOLE, impatient()),
    PINGS_FOR_EVER("pings", "", null, WHOLE, impatient()),
    ROLE_THEN_PINGS_FOR_EVER("role-only-then-silence~pings", "", null, WHOLE, impatient()),
    NOTHING_BUT_THE_END("done-only", "", null, WHOLE),
    CUT_BEFORE_THE_FIRST_CHUNK("cut=0", "", null, WHOLE),

    CUT("cut=3", "", null, WHOLE),
    STALL("stall=3", "", WHOLE, WHOLE, impatient()),
    STALL_WITH_PINGS("stall=3~pings", "", null, WHOLE, impatient()),
    ERROR_IN_BAND("error-after=3", "", null, WHOLE),
    MALFORMED_CHUNK("bad-chunk=3", "", null, WHOLE),
    NO_END_MARKER("no-done", "", null, WHOLE),

    CUT_NOT_CONTINUED("cut=3", "", WHOLE, BROKEN, notContinued()),
    STALL_NOT_CONTINUED("stall=3", "", WHOLE, BROKEN, notContinued()),
    ERROR_IN_BAND_NOT_CONTINUED("error-after=3", "", null, BROKEN, notContinued()),

    CUT_AND_THEN_NOBODY("cut=3", "status=503", status(503), BROKEN),
    CUT_AND_CUT_AGAIN("cut=3", "cut=5", status(502), BROKEN),

    CALLERS_FAULT("status=422", "", status(422), status(422)),
    ALL_UNAVAILABLE("status=500", "status=503", status(503), status(503)),
    ALL_RATE_LIMITED("status=429~retry-after=7", "status=429", status(429), status(429)),
    ALL_RESET("reset", "reset", status(502), status(502)),
    ALL_SILENT("silent", "silent", status(504), status(504), impatient()),
    ALL_EMPTY("empty", "empty", status(502), status(502)),
    ALL_ERRORS_FIRST("error-first", "error-first", null, status(502)),
    /** The first call suspends both; what is judged is the second one's end. */
    ALL_SUSPENDED(
            "status=500",
            "status=500",
            status(503),
            status(503),
            Map.of("suspendDuration", "600", "whenAllSuspended", "reject"));

    /** For text of several bytes a letter, and for what JSON and event streams have to escape. */
    static final String QUESTION =
            "Count to ten in \"naïve\" Zürich\\Köln \uD83D\uDE80 \u4E00\u4E8C\u4E09 & <stop>,"
                + " please";

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
     * @param streamed the end of one that is
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
        return atOne;
    }

    String atTwo() {
        return atTwo;
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

    /** What both candidates say, when they say all of it. */
    String answer() {
        return "Provider simulated served " + model() + ". You said: " + QUESTION;
    }
}
