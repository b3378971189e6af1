package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.modelfailover.kit.GatewayTest.chat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.modelfailover.executor.InvalidConfigurationException;
import org.modelfailover.executor.NativeExecutor;
import org.modelfailover.kit.FailoverConfigs;

import java.util.List;

/** What the native side does with handles and values that are not to be used. */
class NativeHandlesTest {
    private static final long[] NOT_HANDLES = {0, -1, 1L << 62, Long.MIN_VALUE, 4711};

    @Test
    void aNumberThatIsNoHandleIsAnExceptionAndNotACrash() {
        for (long handle : NOT_HANDLES) {
            for (Executable use :
                    List.<Executable>of(
                            () -> NativeExecutor.diagnostics(handle),
                            () -> NativeExecutor.maxRequestBody(handle),
                            () -> NativeExecutor.longestWait(handle),
                            () -> NativeExecutor.bind(handle, "t", "a", "1", null),
                            () -> NativeExecutor.endpointIds(handle, true),
                            () ->
                                    NativeExecutor.prepare(
                                            handle, true, "/x", null, null, 0, 0, new byte[0], 0),
                            () -> NativeExecutor.firstCandidate(handle),
                            () -> NativeExecutor.start(handle, null, false))) {
                assertThrows(IllegalStateException.class, use, "handle " + handle);
            }
            NativeExecutor.cancel(handle);
            NativeExecutor.close(handle);
            NativeExecutor.writable(handle);
            NativeExecutor.unusable(handle, "why");
            NativeExecutor.resolved(handle, "POST", "http://x/", new byte[0], true);
        }
    }

    @Test
    void aClosedHandleIsNoHandle() {
        String configs =
                FailoverConfigs.target("m", "one").attributes().get("failoverConfigs").toString();
        long policy = NativeExecutor.open(configs, new String[0]);
        long bound = NativeExecutor.bind(policy, "t", "handles", "1", null);
        for (long handle : new long[] {policy, bound}) {
            assertEquals(List.of("one"), List.of(NativeExecutor.endpointIds(handle, true)));
        }
        assertThrows(
                IllegalStateException.class,
                () ->
                        NativeExecutor.prepare(
                                policy, true, "/x", null, null, 0, 0, chat("m").getBytes(), 0),
                "a policy's handle is none of a bound policy");

        NativeExecutor.close(policy);
        NativeExecutor.close(policy);
        assertThrows(IllegalStateException.class, () -> NativeExecutor.maxRequestBody(policy));
        long call =
                NativeExecutor.prepare(
                        bound, true, "/x", null, null, 0, 0, chat("m").getBytes(), 0);
        assertEquals(0, NativeExecutor.firstCandidate(call));
        assertEquals(1, NativeExecutor.openCalls());
        NativeExecutor.close(bound);
        NativeExecutor.cancel(call);
        NativeExecutor.cancel(call);
        assertEquals(0, NativeExecutor.openCalls());
        assertThrows(IllegalStateException.class, () -> NativeExecutor.firstCandidate(call));
        assertThrows(
                IllegalStateException.class,
                () -> NativeExecutor.prepare(bound, true, "/x", null, null, 0, 0, new byte[0], 0));
    }

    @Test
    void nullsAreExceptionsAndNotCrashes() {
        String configs =
                FailoverConfigs.target("m", "one").attributes().get("failoverConfigs").toString();
        long policy = NativeExecutor.open(configs, new String[0]);
        long bound = NativeExecutor.bind(policy, null, null, null, null);
        try {
            assertThrows(
                    InvalidConfigurationException.class,
                    () -> NativeExecutor.open(null, new String[0]));
            assertThrows(RuntimeException.class, () -> NativeExecutor.open(configs, null));
            assertThrows(RuntimeException.class, () -> NativeExecutor.configure("", null));
            assertThrows(
                    RuntimeException.class,
                    () -> NativeExecutor.prepare(bound, true, null, null, null, 0, 0, null, 0));
            NativeExecutor.resolved(1, null, null, new byte[0], false);
            NativeExecutor.unusable(1, null);
        } finally {
            NativeExecutor.close(bound);
            NativeExecutor.close(policy);
        }
        assertEquals(0, NativeExecutor.openCalls());
    }
}
