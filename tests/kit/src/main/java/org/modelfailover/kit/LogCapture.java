package org.modelfailover.kit;

import org.apache.log4j.AppenderSkeleton;
import org.apache.log4j.Level;
import org.apache.log4j.Logger;
import org.apache.log4j.spi.LoggingEvent;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;

/**
 * What the gateway logs while this is open; everything that the policy has to say, at any level.
 */
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

    public LogCapture() {
        Logger.getRootLogger().addAppender(appender);
        OURS.setLevel(Level.TRACE);
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
        Logger.getRootLogger().removeAppender(appender);
        OURS.setLevel(null);
    }
}
