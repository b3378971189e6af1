package org.modelfailover.gateway;

import org.apache.log4j.FileAppender;
import org.apache.log4j.Level;
import org.apache.log4j.Logger;
import org.apache.log4j.PatternLayout;

import java.io.IOException;
import java.nio.file.Path;

/** Where the engine's log goes: standard error, from WARN on, unless a file is named. */
public final class GatewayLog {
    private GatewayLog() {}

    /** Sends the log of all gateways of this JVM to a file, from INFO on, and nowhere else. */
    public static void to(Path file) {
        try {
            FileAppender appender =
                    new FileAppender(
                            new PatternLayout("%d{ISO8601} %-5p [%t] %c: %m%n"), file.toString());
            Logger root = Logger.getRootLogger();
            root.removeAllAppenders();
            root.addAppender(appender);
            root.setLevel(Level.INFO);
            Logger.getLogger("org.apache.synapse.transport.nhttp.access").setLevel(Level.WARN);
        } catch (IOException e) {
            throw new GatewayException("log file " + file + ": " + e.getMessage(), e);
        }
    }
}
