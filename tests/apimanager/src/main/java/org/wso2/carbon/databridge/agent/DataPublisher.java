package org.wso2.carbon.databridge.agent;

import org.wso2.carbon.databridge.commons.Event;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Stands for the host's class of this name: what API Manager's gateway would send to the traffic
 * manager stays here. Before the host's own on the class path.
 */
public class DataPublisher {
    private static final List<Event> EVENTS = new CopyOnWriteArrayList<>();

    private static volatile boolean keeps = true;

    public DataPublisher(
            String type, String receivers, String auth, String user, String password) {}

    /** Takes an event. */
    public boolean tryPublish(Event event) {
        return !keeps || EVENTS.add(event);
    }

    /** Whether events are kept from now on, or dropped. */
    public static void keep(boolean keep) {
        keeps = keep;
    }

    /** All events since the last {@link #forget}. */
    public static List<Event> events() {
        return List.copyOf(EVENTS);
    }

    /** Drops them. */
    public static void forget() {
        EVENTS.clear();
    }
}
