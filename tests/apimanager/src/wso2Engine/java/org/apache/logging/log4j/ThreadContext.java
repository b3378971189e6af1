package org.apache.logging.log4j;

import java.util.HashMap;
import java.util.Map;

/** What log lines of the present thread are marked with. */
public final class ThreadContext {
    private static final ThreadLocal<Map<String, String>> MARKS =
            ThreadLocal.withInitial(HashMap::new);

    private ThreadContext() {}

    public static void put(String key, String value) {
        MARKS.get().put(key, value);
    }

    public static void remove(String key) {
        MARKS.get().remove(key);
    }

    public static String get(String key) {
        return MARKS.get().get(key);
    }
}
