package org.modelfailover.gateway.demo;

import org.apache.log4j.AppenderSkeleton;
import org.apache.log4j.Logger;
import org.apache.log4j.spi.LoggingEvent;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/** What the policy writes into the gateway's log, from the last {@link #clear} on. */
final class PolicyLog extends AppenderSkeleton {
    private static final int PATIENCE = 100;

    private final List<String> lines = new CopyOnWriteArrayList<>();

    static PolicyLog open() {
        PolicyLog log = new PolicyLog();
        Logger.getLogger("org.modelfailover").addAppender(log);
        return log;
    }

    void clear() {
        lines.clear();
    }

    /** A line that holds these words, which may come a moment after the answer. */
    Optional<String> await(String... words) throws InterruptedException {
        for (int i = 0; i < PATIENCE; i++) {
            for (String line : lines) {
                if (List.of(words).stream().allMatch(line::contains)) {
                    return Optional.of(line);
                }
            }
            Thread.sleep(10);
        }
        return Optional.empty();
    }

    @Override
    protected void append(LoggingEvent event) {
        lines.add(event.getLevel() + " " + event.getRenderedMessage());
    }

    @Override
    public void close() {
        lines.clear();
    }

    @Override
    public boolean requiresLayout() {
        return false;
    }
}
