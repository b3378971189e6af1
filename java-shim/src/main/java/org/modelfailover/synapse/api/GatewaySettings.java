package org.modelfailover.synapse.api;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.modelfailover.executor.Executor;
import org.modelfailover.executor.Policy;
import org.modelfailover.synapse.operation.OperatorBeans;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Reads the gateway-wide settings at each deployment of a policy, from {@code
 * repository/conf/deployment.toml} of the gateway's home, or from the file that the system property
 * {@code model.failover.config} names.
 */
public final class GatewaySettings {
    /** Names a settings file where there is no WSO2 home. */
    static final String FILE_PROPERTY = "model.failover.config";

    private static final Log LOG = LogFactory.getLog(GatewaySettings.class);
    private static String said = "";

    private GatewaySettings() {}

    /** Opens a policy over the settings as they stand now. */
    static synchronized Policy open(String failoverConfigs, String settings) {
        read();
        return new Policy(failoverConfigs, settings);
    }

    /**
     * Reads the settings, for policies that are opened from now on.
     *
     * @return the file and what of it differs from the defaults, in words
     */
    public static synchronized String read() {
        Path file = file();
        String text = null;
        List<String> lines = new ArrayList<>();
        if (file != null) {
            try {
                text = Files.readString(file);
            } catch (IOException e) {
                lines.add("ERROR can't be read, the defaults apply: " + e);
            }
        }
        OperatorBeans.keepJournal();
        Executor.limitMemory(Runtime.getRuntime().maxMemory() / 4);
        lines.addAll(Arrays.asList(Executor.configure(text, Executor.systemPropertiesFor(text))));
        // The same file is read for every policy; what is wrong with it is said once.
        if (!said.equals(lines.toString())) {
            said = lines.toString();
            lines.forEach(line -> log(LOG, file + ": ", line));
        }
        return (file == null ? "no file, all" : file + ", " + Executor.changedSettings() + " not")
                + " at their defaults";
    }

    private static Path file() {
        String named = System.getProperty(FILE_PROPERTY);
        if (named != null) {
            return Paths.get(named);
        }
        String home = System.getProperty("carbon.home");
        if (home == null) {
            return null;
        }
        Path file = Paths.get(home, "repository", "conf", "deployment.toml");
        return Files.isReadable(file) ? file : null;
    }

    /** Logs a line that begins with its level. */
    public static void log(Log log, String prefix, String line) {
        int end = line.indexOf(' ');
        String message = prefix + line.substring(end + 1);
        if (line.startsWith("ERROR")) {
            log.error(message);
        } else {
            log.warn(message);
        }
    }
}
