package org.modelfailover.synapse.answer;

import org.apache.axis2.AxisFault;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.modelfailover.executor.Call;
import org.modelfailover.executor.UnusableException;
import org.modelfailover.synapse.endpoint.Credentials;
import org.modelfailover.synapse.endpoint.Endpoints;
import org.modelfailover.synapse.endpoint.Target;
import org.modelfailover.synapse.observation.Observation;

/** Finds URL and credentials of a call's candidates, on workers: the host's mediators may block. */
final class CandidateResolution {
    private static final Log LOG = LogFactory.getLog(CandidateResolution.class);

    private final Call call;
    private final DetachedRequest request;
    private final Endpoints endpoints;
    private final WaitingClient client;
    private final WayBack wayBack;
    private final Observation observation;

    /** The worker that starts the call, and resolves the first candidate while it does. */
    private final Thread worker = Thread.currentThread();

    CandidateResolution(
            Call call,
            DetachedRequest request,
            Endpoints endpoints,
            WaitingClient client,
            WayBack wayBack,
            Observation observation) {
        this.call = call;
        this.request = request;
        this.endpoints = endpoints;
        this.client = client;
        this.wayBack = wayBack;
        this.observation = observation;
    }

    void resolve(int candidate, String path, String[] withheld) {
        int number = observation.next();
        Runnable work = () -> resolveHere(number, candidate, path, withheld);
        if (Thread.currentThread() == worker) {
            work.run();
        } else {
            wayBack.onWorker(work, () -> call.unusable("the gateway has no worker free"));
        }
    }

    private void resolveHere(int number, int candidate, String path, String[] withheld) {
        try {
            Target target = endpoints.find(request.configuration(), candidate);
            observation.found(number, candidate, target.address);
            Credentials.resolve(call, target, () -> request.scratch(withheld, path));
        } catch (UnusableException e) {
            LOG.error(endpoints.describe(candidate) + " can't be called: " + e.getMessage());
            call.unusable(e.getMessage());
        } catch (AxisFault | RuntimeException | Error e) {
            if (client.isOver()) {
                LOG.debug("The client left while a candidate was looked up", e);
                return;
            }
            // Whatever a mediator throws: the next candidate may still answer.
            LOG.error(endpoints.describe(candidate) + " can't be given its credentials", e);
            call.unusable("its credentials could not be applied");
        }
    }
}
