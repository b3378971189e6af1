package org.modelfailover.robustness;

import org.modelfailover.kit.ThisProcess;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import javax.management.JMException;
import javax.management.ObjectName;

/**
 * What a process holds after a collection of garbage.
 *
 * @param heap bytes of live objects
 * @param resident bytes beside the heap, provided that all of the heap was touched at the start
 * @param threads threads of the process, native ones too
 * @param files open file descriptors
 * @param globals global references of JNI
 * @param objects live objects of the policy, by class
 */
record Footprint(
        long heap, long resident, int threads, int files, int globals, Map<String, Long> objects) {
    private static final Pattern GLOBALS = Pattern.compile("JNI global refs: (\\d+)");
    private static final Pattern OBJECTS =
            Pattern.compile("(?m)^ *\\d+: +(\\d+) +\\d+ +org\\.modelfailover\\.(\\S+)");

    /** A soft reference or a cleaner needs a second collection. */
    private static final int COLLECTIONS = 2;

    /** That of this process. */
    static Footprint now() throws IOException, JMException {
        var memory = ManagementFactory.getMemoryMXBean();
        for (int i = 0; i < COLLECTIONS; i++) {
            memory.gc();
        }
        Matcher globals = GLOBALS.matcher(ask("threadPrint"));
        return new Footprint(
                memory.getHeapMemoryUsage().getUsed(),
                ThisProcess.resident("self") - memory.getHeapMemoryUsage().getCommitted(),
                (int) ThisProcess.threadCount(),
                (int) ThisProcess.files(),
                globals.find() ? Integer.parseInt(globals.group(1)) : 0,
                liveObjects());
    }

    /** The tests' own classes are not the policy's. */
    private static Map<String, Long> liveObjects() throws JMException {
        Map<String, Long> objects = new TreeMap<>();
        Matcher lines = OBJECTS.matcher(ask("gcClassHistogram"));
        while (lines.find()) {
            if (!lines.group(2).matches("(gateway|kit|robustness)\\..*")) {
                objects.put(lines.group(2), Long.valueOf(lines.group(1)));
            }
        }
        return objects;
    }

    private static String ask(String command) throws JMException {
        return (String)
                ManagementFactory.getPlatformMBeanServer()
                        .invoke(
                                new ObjectName("com.sun.management:type=DiagnosticCommand"),
                                command,
                                new Object[] {new String[0]},
                                new String[] {String[].class.getName()});
    }
}
