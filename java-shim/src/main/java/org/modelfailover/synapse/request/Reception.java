package org.modelfailover.synapse.request;

import org.apache.axis2.context.MessageContext;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.synapse.Mediator;
import org.apache.synapse.SynapseException;
import org.apache.synapse.transport.passthru.Pipe;
import org.modelfailover.executor.Call;
import org.modelfailover.executor.RefusedException;
import org.modelfailover.synapse.engine.Faults;
import org.modelfailover.synapse.engine.MaxMemory;
import org.modelfailover.synapse.engine.Properties;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Takes requests in, and finds out whose they are. */
public final class Reception {
    private static final Log LOG = LogFactory.getLog(Reception.class);

    /** A body that comes at once is waited for: to go on elsewhere costs more than that. */
    private static final long SHORT_PAUSE = TimeUnit.MILLISECONDS.toNanos(5);

    private static final long SHORT_WAIT = TimeUnit.MILLISECONDS.toNanos(50);

    private final Mediator mediator;
    private final Takeover takeover;

    /** Gives the worker back and lets the executor answer. */
    public interface Takeover {
        void take(Arrival arrival, Call call);
    }

    public Reception(Mediator mediator, Takeover takeover) {
        this.mediator = mediator;
        this.takeover = takeover;
    }

    /**
     * Takes a request in.
     *
     * @return whether the mediators that follow are to see it
     * @throws SynapseException when the fault sequence is to answer
     */
    public boolean receive(Arrival arrival) {
        if (BuiltBody.isBuilt(arrival.axis2)) {
            return decide(arrival, serialised(arrival), 0);
        }
        if (RequestBody.isUnframed(arrival.axis2)) {
            arrival.client.endRequest();
            throw refuse(arrival, 411, "The request has neither a length nor chunks");
        }
        Object pipe = arrival.axis2.getProperty(Properties.PIPE);
        if (!(pipe instanceof Pipe)) {
            return decide(arrival, new byte[0], 0);
        }
        if (pipe instanceof HandedOnBody) {
            byte[] body = ((HandedOnBody) pipe).untouched();
            if (body != null) {
                return decide(arrival, body, (HandedOnBody) pipe);
            }
        }
        return take(arrival, (Pipe) pipe);
    }

    /**
     * Takes the body out of its pipe. Most have come by now, or come at once; for the others no
     * worker waits, where it is known how to go on without.
     */
    private boolean take(Arrival arrival, Pipe pipe) {
        RequestBody body =
                new RequestBody(
                        arrival.client,
                        pipe,
                        arrival.api.policy,
                        RequestBody.declaredLength(arrival.axis2),
                        arrival.policy.limits().requestBody,
                        arrival.policy.limits().uploadTimeout);
        RequestBody.State state = RequestBody.State.GONE;
        try {
            state = body.take();
            if (state == RequestBody.State.COMING) {
                state = body.await(SHORT_PAUSE, SHORT_WAIT);
            }
            if (state == RequestBody.State.COMING) {
                body.count();
                if (pause(arrival, body)) {
                    return false;
                }
                state = WaitingWorkers.await(body);
            }
        } catch (IOException e) {
            LOG.debug("A request could not be read", e);
        } catch (RuntimeException | Error e) {
            body.drop();
            throw e;
        }
        if (!body.isAtItsEnd() && state != RequestBody.State.GONE) {
            body.stop();
            LockSupport.parkNanos(RequestBody.STOPPING);
            arrival.client.endRequest();
        }
        return received(arrival, body, state);
    }

    /** Gives the worker back while a body is still coming, if it is known how to go on. */
    private boolean pause(Arrival arrival, RequestBody body) {
        RestOfFlow rest = RestOfFlow.after(mediator, arrival.synapse);
        if (rest == null || !arrival.api.acquire()) {
            return false;
        }
        boolean paused = false;
        try {
            long silence = arrival.policy.limits().uploadTimeout;
            Upload.Next next = next(arrival, body);
            paused = Upload.suspend(arrival.synapse, arrival.client, body, silence, rest, next);
        } finally {
            if (!paused) {
                arrival.api.release();
            }
        }
        return paused;
    }

    private Upload.Next next(Arrival arrival, RequestBody body) {
        return new Upload.Next() {
            @Override
            public boolean mediate(RequestBody.State end) {
                return received(arrival, body, end);
            }

            @Override
            public void over() {
                arrival.api.release();
            }
        };
    }

    /** Goes on when a body has ended, whatever its end. */
    private boolean received(Arrival arrival, RequestBody body, RequestBody.State state) {
        if (state == RequestBody.State.COMPLETE) {
            return decide(arrival, body.bytes(), body.handOver());
        }
        body.drop();
        switch (state) {
            case TOO_LARGE:
                throw tooLarge(arrival);
            case NO_MEMORY:
                throw refuse(arrival, MaxMemory.REFUSAL);
            case NO_WORKER:
                throw refuse(arrival, WaitingWorkers.REFUSAL);
            case TIMED_OUT:
                throw refuse(arrival, 408, "The request did not come in time");
            default:
                throw refuse(arrival, 400, "The client went away while it sent the request");
        }
    }

    /** Decides about a request whose body another policy has read. */
    private boolean decide(Arrival arrival, byte[] body, HandedOnBody pipe) {
        if (body.length > arrival.policy.limits().requestBody) {
            throw tooLarge(arrival);
        }
        long reserved = pipe.handOver();
        Call call = prepare(arrival, body, reserved);
        if (call == null) {
            pipe.takeBack(reserved);
            return true;
        }
        takeover.take(arrival, call);
        return false;
    }

    /**
     * @param reserved bytes that are counted for the body
     */
    private boolean decide(Arrival arrival, byte[] body, long reserved) {
        Call call = prepare(arrival, body, reserved);
        if (call == null) {
            handOn(arrival, body, reserved);
            return true;
        }
        takeover.take(arrival, call);
        return false;
    }

    private static Call prepare(Arrival arrival, byte[] body, long reserved) {
        try {
            return arrival.prepare(body, reserved);
        } catch (RefusedException e) {
            throw refuse(arrival, e);
        }
    }

    private static byte[] serialised(Arrival arrival) {
        try {
            return BuiltBody.serialise(arrival.axis2);
        } catch (IOException e) {
            throw refuse(arrival, 400, e.getMessage());
        }
    }

    /** Puts the body that was read back for the next mediator or endpoint, byte for byte. */
    private static void handOn(Arrival arrival, byte[] body, long reserved) {
        MessageContext axis2 = arrival.axis2;
        if (BuiltBody.isBuilt(axis2) || axis2.getProperty(Properties.PIPE) == null) {
            return;
        }
        try {
            axis2.setProperty(Properties.PIPE, HandedOnBody.of(arrival.client, body, reserved));
        } catch (IOException e) {
            throw new SynapseException("The request body could not be handed on", e);
        }
        axis2.setProperty(Properties.BUILDER_INVOKED, Boolean.FALSE);
    }

    private static SynapseException tooLarge(Arrival arrival) {
        long most = arrival.policy.limits().requestBody;
        return refuse(arrival, 413, "The request body is larger than " + most + " bytes");
    }

    private static SynapseException refuse(Arrival arrival, RefusedException why) {
        // What has been read is not there to be built.
        arrival.axis2.setProperty(Properties.BUILDER_INVOKED, Boolean.TRUE);
        if (why.code() == MaxMemory.REFUSAL.code()) {
            MaxMemory.refused();
        }
        if (why.retryAfter() >= 0) {
            Faults.retryLater(arrival.synapse, why.retryAfter());
        }
        return Faults.exception(arrival.synapse, why.status(), why.code(), why.getMessage());
    }

    private static SynapseException refuse(Arrival arrival, int status, String message) {
        return refuse(arrival, new RefusedException(status, status, message, -1));
    }
}
