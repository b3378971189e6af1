package org.modelfailover.synapse.operation;

import java.security.Principal;
import java.util.stream.Collectors;

import javax.security.auth.Subject;

/** Who calls an operation of an MBean. */
final class JmxCaller {
    private JmxCaller() {}

    /** The user that the connector has authenticated; in words, if there is none. */
    static String name() {
        Subject subject = subject();
        String names =
                subject == null
                        ? ""
                        : subject.getPrincipals().stream()
                                .map(Principal::getName)
                                .collect(Collectors.joining(", "));
        return names.isEmpty() ? "JMX, without a user" : "JMX user " + names;
    }

    /**
     * {@code Subject.current()} from Java 18 on; before that by the access control context, which
     * later versions have no more.
     */
    private static Subject subject() {
        try {
            return (Subject) Subject.class.getMethod("current").invoke(null);
        } catch (ReflectiveOperationException e) {
            return before18();
        }
    }

    private static Subject before18() {
        try {
            Class<?> controller = Class.forName("java.security.AccessController");
            Object context = controller.getMethod("getContext").invoke(null);
            Class<?> type = Class.forName("java.security.AccessControlContext");
            return (Subject) Subject.class.getMethod("getSubject", type).invoke(null, context);
        } catch (ReflectiveOperationException e) {
            return null;
        }
    }
}
