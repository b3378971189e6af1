package org.modelfailover.kit.stream;

/**
 * Tokens that a stream reports.
 *
 * @param reasoning those that the format does not count among the completion's
 * @param total null where the format has none
 */
public record Usage(long prompt, long completion, long reasoning, Long total) {
    boolean addsUp() {
        return total == null || total == prompt + completion + reasoning;
    }
}
