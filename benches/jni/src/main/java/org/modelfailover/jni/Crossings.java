package org.modelfailover.jni;

import org.modelfailover.executor.AttachedPolicy;
import org.modelfailover.executor.Call;
import org.modelfailover.executor.Executor;
import org.modelfailover.executor.Policy;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

/**
 * What a request of 512 bytes costs where it crosses JNI, the work on the other side included.
 *
 * <p>A healthy one crosses with {@code prepare}, {@code start}, {@code resolve} and {@code
 * resolved} within that, and {@code answer}: {@link #prepareAndStart} and {@link #answer} together.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Benchmark)
public class Crossings {
    /** Calls that are started before anybody waits for what becomes of them. */
    private static final int CALLS = 500;

    private static final String CONFIGS =
            "{\"production\":{\"targetModel\":{\"model\":\"gpt-4o\",\"endpointId\":\"provider\"},"
                + "\"fallbackModels\":[]},\"sandbox\":{},"
                + "\"requestTimeout\":\"30\",\"suspendDuration\":\"0\",\"targetRetries\":\"0\"}";

    private static final byte[] HEADERS =
            bytes("Content-Type:application/json\nAccept:*/*\nUser-Agent:bench\n");

    private static final byte[] CREDENTIALED =
            bytes(
                    "Content-Type:application/json\nAccept:*/*\nUser-Agent:bench\n"
                            + "Authorization:Bearer sk-bench\n");

    private final byte[] ours = body("gpt-4o");
    private final byte[] others = body("gpt-9");
    private final CountingExchange exchange = new CountingExchange(CREDENTIALED);

    /** The calls that are started, for that one benchmark: it costs the others time. */
    @State(Scope.Benchmark)
    public static class Started {
        private final CountingExchange exchange = new CountingExchange(CREDENTIALED);

        /** Waits until they are over, which is not measured. */
        @TearDown(Level.Invocation)
        public void settle() throws InterruptedException {
            exchange.await();
        }
    }

    private Policy policy;
    private AttachedPolicy attached;
    private Call answered;

    /** Attaches a policy with one candidate. */
    @Setup
    public void attach() {
        policy = new Policy(CONFIGS, "");
        attached = policy.attach("carbon.super", "Assistant", "1.0.0", null, new String[0]);
        answered = prepare(ours);
    }

    /** Lets the threads go. */
    @TearDown
    public void close() {
        answered.cancel();
        attached.close();
        policy.close();
        Executor.shutDown();
    }

    /** The least that a crossing costs. */
    @Benchmark
    public int anything() {
        return Executor.openCalls();
    }

    /** A request for another model: it goes on untouched. */
    @Benchmark
    public Call prepareNotOurs() {
        return prepare(others);
    }

    /** A request that is taken over, and given up again, which is a crossing of its own. */
    @Benchmark
    public Call prepareAndCancel() {
        Call call = prepare(ours);
        call.cancel();
        return call;
    }

    /** A request that is taken over and started, up to where the worker is free. */
    @Benchmark
    @OperationsPerInvocation(CALLS)
    public void prepareAndStart(Started started) {
        CountingExchange exchange = started.exchange;
        exchange.expect(CALLS);
        for (int i = 0; i < CALLS; i++) {
            Call call = prepare(ours);
            exchange.next(call);
            call.start(exchange, false, false, false);
        }
    }

    /** A whole answer of 512 bytes on its way up. */
    @Benchmark
    @OperationsPerInvocation(CALLS)
    public void answer() {
        CrossingProbe.answer(answered, exchange, CALLS);
    }

    private Call prepare(byte[] body) {
        return attached.prepare(
                true,
                "POST",
                "/chat/completions",
                "application/json",
                null,
                null,
                HEADERS,
                null,
                body,
                0);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static byte[] body(String model) {
        String text =
                "{\"model\":\"" + model + "\",\"messages\":[{\"role\":\"user\",\"content\":\"";
        String end = "\"}]}";
        return bytes(text + "x".repeat(512 - text.length() - end.length()) + end);
    }
}
