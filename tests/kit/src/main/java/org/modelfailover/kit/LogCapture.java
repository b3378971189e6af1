package org.modelfailover.kit;

import org.apache.log4j.AppenderSkeleton;
import org.apache.log4j.Level;
import org.apache.log4j.Logger;
import org.apache.log4j.spi.LoggingEvent;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;

/** What the gateway logs while this is open. */
public final class LogCapture implements AutoCloseable {
    private static final Logger OURS = Logger.getLogger("org.modelfailover");

    private final List<String> lines = new CopyOnWriteArrayList<>();
    private final AppenderSkeleton appender =
            new AppenderSkeleton() {
                @Override
                protected void append(LoggingEvent event) {
                    String[] trace = event.getThrowableStrRep();
                    lines.add(
                            event.getLevel()
                                    + " "
                                    + event.getRenderedMessage()
                                    + (trace == null ? "" : "\n" + String.join("\n", trace)));
                }

                @Override
                public void close() {}

                @Override
                public boolean requiresLayout() {
                    return false;
                }
            };

    private final Logger logger;

    /** Of the policy at any level; of everything else what the log's own levels let through. */
    public LogCapture() {
        this(Logger.getRootLogger());
        OURS.setLevel(Level.TRACE);
    }

    private LogCapture(Logger logger) {
        this.logger = logger;
        logger.addAppender(appender);
    }

    /** Of the policy alone, at the log's own levels. */
    public static LogCapture ofPolicy() {
        return new LogCapture(OURS);
    }

    /** Errors alone, of everybody. */
    public static LogCapture ofErrors() {
        LogCapture errors = new LogCapture(Logger.getRootLogger());
        errors.appender.setThreshold(Level.ERROR);
        return errors;
    }

    /** Forgets what was logged until now. */
    public void clear() {
        lines.clear();
    }

    /** A line that holds all these words and may come within a second; without its stack trace. */
    public Optional<String> await(String... words) {
        return Until.orLast(
                        Duration.ofSeconds(1),
                        Duration.ofMillis(10),
                        () -> line(List.of(words)),
                        Optional::isPresent)
                .map(line -> line.lines().findFirst().orElse(""));
    }

    private Optional<String> line(List<String> words) {
        return lines.stream().filter(line -> words.stream().allMatch(line::contains)).findFirst();
    }

    public String text() {
        return String.join("\n", lines);
    }

    /** What an operator would notice. */
    public String notable() {
        return lines.stream()
                .filter(line -> !line.startsWith("INFO") && !line.startsWith("DEBUG"))
                .collect(Collectors.joining("\n"));
    }

    /** The lines of a level, as {@code ERROR}, that hold a text. */
    public List<String> lines(String level, String text) {
        return lines.stream()
                .filter(line -> line.startsWith(level + " ") && line.contains(text))
                .collect(Collectors.toList());
    }

    @Override
    public void close() {
        logger.removeAppender(appender);
        if (logger != OURS) {
            OURS.setLevel(null);
        }
    }
}
