package org.modelfailover.synapse.observation;

/** What an attempt came to. Times are in milliseconds; -1: there is none. */
final class Attempted {
    final String outcome;

    /** The provider's status. */
    final long status;

    /** How long it took. */
    final long took;

    /** How long it took until the answer's head was there. */
    final long headed;

    /** The same for a stream's first useful chunk. */
    final long firstChunk;

    /** How long the candidate is suspended for. */
    final long suspended;

    /** Bytes of text that the client had when its stream broke. */
    final long delivered;

    final long promptTokens;
    final long completionTokens;

    /**
     * @param numbers in the order of {@code numbers} in native/jni/src/exchange.rs
     */
    Attempted(String outcome, long[] numbers) {
        this.outcome = outcome;
        status = numbers[0];
        took = numbers[1];
        headed = numbers[2];
        firstChunk = numbers[3];
        suspended = numbers[4];
        delivered = numbers[5];
        promptTokens = numbers[6];
        completionTokens = numbers[7];
    }

    boolean isAnswer() {
        return "answered".equals(outcome);
    }

    boolean isStream() {
        return firstChunk >= 0;
    }
}
