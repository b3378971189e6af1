package org.modelfailover.jni;

import org.modelfailover.executor.Call;
import org.modelfailover.executor.Exchange;
import org.modelfailover.executor.UnusableException;

import java.nio.ByteBuffer;
import java.util.concurrent.Semaphore;

/**
 * Answers what every call asks for, as a gateway does, with a URL that leads nowhere: so that no
 * network is in what is measured.
 */
final class CountingExchange implements Exchange {
    private static final String NOWHERE = "nowhere:";

    private final byte[] credentialed;
    private final Semaphore over = new Semaphore(0);
    private int expected;
    private Call call;

    CountingExchange(byte[] credentialed) {
        this.credentialed = credentialed;
    }

    /** So many calls will be started. */
    void expect(int calls) {
        expected = calls;
    }

    /** The call that is started next. */
    void next(Call next) {
        call = next;
    }

    /** Waits until all are over. */
    void await() throws InterruptedException {
        over.acquire(expected);
        expected = 0;
    }

    @Override
    public void resolve(int candidate, String path, String[] withheld) {
        try {
            call.resolved(NOWHERE, path, credentialed);
        } catch (UnusableException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void answer(
            int candidate, int status, byte[] headers, String[] metadata, ByteBuffer body) {
        if (status != 200 || body.remaining() != 512) {
            throw new IllegalStateException(status + ", " + body);
        }
    }

    @Override
    public void fail(
            int candidate, int status, int code, String message, long retryAfter, String reasons) {
        over.release();
    }

    @Override
    public void begin(int candidate, int status, byte[] headers, String[] metadata, long length) {
        throw new IllegalStateException("nothing is streamed");
    }

    @Override
    public int data(ByteBuffer chunk) {
        throw new IllegalStateException("nothing is streamed");
    }

    @Override
    public void used(int candidate, String[] metadata) {}

    @Override
    public void attempted(int number, boolean flowing, String outcome, long[] numbers) {}

    @Override
    public String[] facts() {
        return new String[0];
    }

    @Override
    public void end() {}

    @Override
    public void abort() {}

    @Override
    public void report(boolean notable, String line) {}

    @Override
    public void failed(String what, Throwable thrown) {
        throw new IllegalStateException(what, thrown);
    }
}
