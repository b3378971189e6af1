package org.modelfailover.apimanager;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** What the engine's classes were asked for. */
public final class EngineCalls {
    private static final ThreadLocal<List<String>> WITH_TENANT =
            ThreadLocal.withInitial(ArrayList::new);
    private static final List<List<String>> TENANTS = new CopyOnWriteArrayList<>();
    private static final AtomicInteger PERMITS = new AtomicInteger();

    private EngineCalls() {}

    static void forget() {
        TENANTS.clear();
        PERMITS.set(0);
    }

    /** Something with the tenant of the present thread, up to {@code clean}. */
    public static void add(String call) {
        WITH_TENANT.get().add(call);
        if (call.equals("clean")) {
            TENANTS.add(WITH_TENANT.get());
            WITH_TENANT.remove();
        }
    }

    public static void permitGivenBack() {
        PERMITS.incrementAndGet();
    }

    /** What was done with the tenant for each piece of work. */
    static List<List<String>> tenants() {
        return List.copyOf(TENANTS);
    }

    static int permitsGivenBack() {
        return PERMITS.get();
    }
}
