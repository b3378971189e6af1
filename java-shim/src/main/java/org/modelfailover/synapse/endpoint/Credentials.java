package org.modelfailover.synapse.endpoint;

import org.apache.axis2.AxisFault;
import org.apache.axis2.context.MessageContext;
import org.apache.synapse.Mediator;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.modelfailover.executor.Call;
import org.modelfailover.executor.UnusableException;
import org.modelfailover.synapse.engine.Engine;
import org.modelfailover.synapse.engine.Headers;
import org.modelfailover.synapse.engine.Properties;

import java.util.List;

/** Lets an endpoint's security mediators put its credentials into one request. */
public final class Credentials {
    private static final String JSON = "application/json";

    private Credentials() {}

    /** Makes the context on which they are put in. */
    public interface Scratch {
        Axis2MessageContext make() throws AxisFault;
    }

    /**
     * Resolves the candidate that a call has asked for.
     *
     * @param context what the mediators start from
     * @throws UnusableException when credentials could not be applied: nothing may be sent without
     *     them
     */
    public static void resolve(Call call, Target target, Scratch context)
            throws UnusableException, AxisFault {
        if (!target.hasCredentials()) {
            call.resolved(target.url, null, null);
            return;
        }
        Axis2MessageContext scratch = context.make();
        MessageContext axis2 = scratch.getAxis2MessageContext();
        run(target.security, scratch);
        if (!target.signers.isEmpty()) {
            // Signatures come last: over what the others made.
            prepareToSign(call, call.toSign(target.url, path(axis2)), axis2);
            run(target.signers, scratch);
        }
        byte[] headers = Headers.block(axis2.getProperty(Properties.HEADERS), null);
        call.resolved(target.url, path(axis2), headers);
    }

    private static void prepareToSign(Call call, String[] spelling, MessageContext axis2)
            throws UnusableException {
        // In any other spelling, or with parameters, the host signs something else than the body.
        axis2.setProperty(Properties.CONTENT_TYPE, JSON);
        if (!Engine.of().putJson(axis2, call.body())) {
            throw new UnusableException(
                    "its credentials are a signature over the body, which this gateway can make for"
                            + " JSON only, and could not");
        }
        // The host signs one property as the path, whatever is in it, and the query of another.
        axis2.setProperty(Properties.URL_POSTFIX, spelling[0]);
        axis2.setProperty(Properties.FULL_PATH, spelling[1]);
    }

    private static String path(MessageContext axis2) {
        Object path = axis2.getProperty(Properties.URL_POSTFIX);
        return path == null ? "" : path.toString();
    }

    private static void run(List<Mediator> mediators, Axis2MessageContext scratch)
            throws UnusableException {
        for (Mediator mediator : mediators) {
            if (!mediator.mediate(scratch)) {
                throw new UnusableException("its credentials could not be applied");
            }
        }
    }
}
