package org.modelfailover.executor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

import java.util.List;

/** What is closed, or never was, is an exception and not a crash. */
class NativeObjectTest {
    private static final long[] NOT_HANDLES = {0, -1, 1L << 62, Long.MIN_VALUE, 4711};
    private static final String CONFIGURATION =
            "{\"production\":{\"targetModel\":{\"model\":\"m\",\"endpointId\":\"one\"}}}";
    private static final byte[] CHAT = "{\"model\":\"m\"}".getBytes();
    private static final byte[] NOTHING = new byte[0];

    private static AttachedPolicy attach(Policy policy) {
        return policy.attach("t", "handles", "1", null, new String[0]);
    }

    private static Call prepare(AttachedPolicy policy) {
        return policy.prepare(true, "POST", "/x", null, null, null, NOTHING, null, CHAT, 0);
    }

    @Test
    void aNumberThatIsNoHandleIsAnExceptionAndNotACrash() throws UnusableException {
        for (long handle : NOT_HANDLES) {
            AttachedPolicy policy = Handles.attachedPolicy(handle);
            Call call = Handles.call(handle);
            for (Executable use :
                    List.<Executable>of(
                            policy::diagnostics,
                            () -> policy.reserve(0, 1),
                            () -> prepare(policy),
                            () -> call.start(null, false, false, false),
                            () -> call.toSign("http://x", "/"),
                            () -> call.described(0),
                            call::body)) {
                assertThrows(IllegalStateException.class, use, "handle " + handle);
            }
            policy.close();
            call.cancel();
            call.writable();
            call.unusable("why");
            call.resolved("http://x/", null, null);
        }
    }

    @Test
    void whatIsClosedIsNotThere() {
        Policy policy = new Policy(CONFIGURATION, "");
        AttachedPolicy attached = attach(policy);
        assertArrayEquals(new String[] {"one"}, policy.endpointIds(true));
        policy.close();
        policy.close();
        assertThrows(IllegalStateException.class, policy::diagnostics);
        assertThrows(IllegalStateException.class, () -> attach(policy));

        Call call = prepare(attached);
        assertNotNull(call);
        assertEquals(1, Executor.openCalls());
        attached.close();
        attached.close();
        call.cancel();
        call.cancel();
        assertEquals(0, Executor.openCalls());
        assertThrows(IllegalStateException.class, call::body);
        assertThrows(IllegalStateException.class, () -> prepare(attached));
    }

    @Test
    void nullsAreExceptionsAndNotCrashes() throws UnusableException {
        try (Policy policy = new Policy(CONFIGURATION, null);
                AttachedPolicy attached =
                        policy.attach(null, null, null, null, new String[] {null})) {
            for (Executable use :
                    List.<Executable>of(
                            () -> policy.attach("t", "a", "1", null, null),
                            () -> new Policy(null, ""),
                            () -> Executor.configure("", null),
                            () ->
                                    attached.prepare(
                                            true, null, null, null, null, null, null, null, CHAT,
                                            0),
                            () ->
                                    attached.prepare(
                                            true, null, null, null, null, null, NOTHING, null, null,
                                            0),
                            () -> new Network(null, null, null))) {
                assertThrows(RuntimeException.class, use);
            }
            assertThrows(InvalidConfigurationException.class, () -> new Policy(null, ""));
            Handles.call(1).resolved(null, null, null);
            Handles.call(1).unusable(null);
        }
        assertEquals(0, Executor.openCalls());
    }
}
