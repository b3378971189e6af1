package org.modelfailover.gateway;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** What the engine's classes were asked for. */
public final class EngineCalls {
    private static final List<String> TENANTS = new CopyOnWriteArrayList<>();
    private static final AtomicInteger PERMITS = new AtomicInteger();

    private EngineCalls() {}

    static void forget() {
        TENANTS.clear();
        PERMITS.set(0);
    }

    /** Something with the tenant of the present thread. */
    public static void add(String call) {
        TENANTS.add(call);
    }

    public static void permitGivenBack() {
        PERMITS.incrementAndGet();
    }

    static List<String> tenants() {
        return List.copyOf(TENANTS);
    }

    static int permitsGivenBack() {
        return PERMITS.get();
    }
}
