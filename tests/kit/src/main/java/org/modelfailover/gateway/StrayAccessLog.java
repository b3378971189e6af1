package org.modelfailover.gateway;

import org.apache.synapse.transport.nhttp.AccessHandler;

import java.io.File;

/**
 * Synapse opens {@code logs/http_access_<date>.log} in the working folder as soon as the class of
 * its access log is loaded, although nothing is written at the levels used here, and offers no way
 * to name another folder: takes the empty file away again.
 */
final class StrayAccessLog {
    private static final File FOLDER = new File("logs");

    private StrayAccessLog() {}

    static synchronized void remove() {
        boolean before = FOLDER.exists();
        AccessHandler.getAccess();
        File[] files = before ? null : FOLDER.listFiles();
        if (files == null) {
            return;
        }
        for (File file : files) {
            if (file.getName().startsWith("http_access_") && file.length() == 0) {
                file.delete();
            }
        }
        FOLDER.delete();
    }
}
