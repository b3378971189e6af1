package org.modelfailover.synapse.answer;

import org.apache.axis2.AxisFault;
import org.apache.axis2.context.MessageContext;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.core.axis2.Axis2Sender;
import org.apache.synapse.transport.passthru.Pipe;
import org.apache.synapse.transport.passthru.config.SourceConfiguration;
import org.modelfailover.executor.UnusableException;
import org.modelfailover.synapse.endpoint.Endpoints;
import org.modelfailover.synapse.engine.Answers;
import org.modelfailover.synapse.engine.Engine;
import org.modelfailover.synapse.engine.Faults;
import org.modelfailover.synapse.engine.Headers;
import org.modelfailover.synapse.engine.Properties;
import org.modelfailover.synapse.engine.Workers;
import org.modelfailover.synapse.observation.Observation;

import java.util.Map;

/** Sends heads of answers, and faults, back through the API, on the transport's own workers. */
final class WayBack {
    private static final Log LOG = LogFactory.getLog(WayBack.class);

    private final DetachedRequest request;
    private final Endpoints endpoints;
    private final WaitingClient client;
    private final SourceConfiguration configuration;
    private final Answers answers;
    private final Unsent unsent;
    private final Observation observation;
    private final ClassLoader loader = Thread.currentThread().getContextClassLoader();

    /** What is to be done when an answer can't be sent. */
    interface Unsent {
        /** The client can be told nothing any more. */
        void close();

        /**
         * The pipe's answer is given up; returns whether another one can be sent on the context.
         */
        boolean replace(Axis2MessageContext answer);
    }

    WayBack(
            DetachedRequest request,
            Endpoints endpoints,
            WaitingClient client,
            SourceConfiguration configuration,
            Answers answers,
            Unsent unsent,
            Observation observation) {
        this.request = request;
        this.endpoints = endpoints;
        this.client = client;
        this.configuration = configuration;
        this.answers = answers;
        this.unsent = unsent;
        this.observation = observation;
    }

    /** An answer's head. */
    static final class Head {
        final int candidate;
        final int status;
        final byte[] headers;

        /** What it has used, where it is whole. */
        final String[] metadata;

        /** Of the body, in bytes; -1: it is a stream. */
        final long length;

        Head(int candidate, int status, byte[] headers, String[] metadata, long length) {
            this.candidate = candidate;
            this.status = status;
            this.headers = headers;
            this.metadata = metadata;
            this.length = length;
        }
    }

    /**
     * Sends an answer's head back through the API.
     *
     * @param pipe where its body is, or will be; null when there is none
     * @param begun the body that goes out as it comes, or null
     */
    void respond(Head head, Pipe pipe, StreamedAnswer begun) {
        answer(
                () -> {
                    Axis2MessageContext answer = null;
                    try {
                        answer = request.answer();
                        describe(answer, head.candidate);
                        put(answer.getAxis2MessageContext(), head, pipe);
                        if (begun != null && begun.isOpen()) {
                            begun.deferAnalytics(answer);
                        } else {
                            Accounting.put(answer, head.metadata);
                        }
                        send(answer);
                    } catch (AxisFault | RuntimeException | Error e) {
                        LOG.error("The answer of a model could not be sent back", e);
                        insteadOf(answer);
                    }
                    observation.sent();
                    if (!request.isAnswered()) {
                        LOG.error("No mediator of the API's response flow sent the answer");
                        unsent.close();
                    }
                    if (begun != null) {
                        begun.sent(answer);
                    }
                },
                () -> {
                    if (begun != null) {
                        begun.sent(null);
                    }
                    unsent.close();
                });
    }

    /** What the host wants to know of the candidate that an answer or a failure is about. */
    void describe(Axis2MessageContext answer, int candidate) {
        if (candidate < 0) {
            return;
        }
        try {
            String address = endpoints.find(request.configuration(), candidate).address;
            answer.setProperty(Properties.ENDPOINT_ADDRESS, address);
        } catch (UnusableException e) {
            LOG.debug("The candidate that answered is not deployed any more", e);
        }
    }

    private static void put(MessageContext axis2, Head head, Pipe pipe) {
        axis2.setProperty(Properties.HTTP_STATUS, head.status);
        String contentType = Headers.put(axis2, head.headers, head.length);
        if (contentType != null) {
            axis2.setProperty(Properties.CONTENT_TYPE, contentType);
            int parameters = contentType.indexOf(';');
            axis2.setProperty(
                    Properties.MESSAGE_TYPE,
                    (parameters < 0 ? contentType : contentType.substring(0, parameters)).trim());
        }
        if (pipe != null) {
            axis2.setProperty(Properties.PIPE, pipe);
            axis2.setProperty(Properties.BUILDER_INVOKED, Boolean.FALSE);
        } else {
            axis2.setProperty(Properties.NO_ENTITY_BODY, Boolean.TRUE);
        }
    }

    private static void send(Axis2MessageContext answer) {
        // Not when the API was undeployed meanwhile: the engine would call the path unknown.
        if (answer.getProperty(Properties.RESOURCE) != null) {
            answer.getEnvironment().injectMessage(answer);
        } else {
            Axis2Sender.sendBack(answer);
        }
    }

    /** A handler or response policy threw: the fault sequence answers, if nothing was sent yet. */
    private void insteadOf(Axis2MessageContext answer) {
        if (unsent.replace(answer)) {
            client.takePipeAway();
            answer.getAxis2MessageContext().removeProperty(Properties.PIPE);
            fault(answer, 500, 0, "The response flow of the API failed", Faults.headers(-1, ""));
        }
    }

    /** Lets the fault sequence answer. */
    void fault(int candidate, int status, int code, String message, Map<String, String> headers) {
        answer(
                () -> {
                    client.takePipeAway();
                    try {
                        Axis2MessageContext failure = request.failure();
                        describe(failure, candidate);
                        correlate(headers);
                        fault(failure, status, code, message, headers);
                    } catch (AxisFault e) {
                        LOG.error("The fault sequence could not be run", e);
                    }
                    if (!request.isAnswered()) {
                        LOG.error("The fault sequence sent no answer");
                        unsent.close();
                    }
                },
                unsent::close);
    }

    /** As the engine does with an answer; a fault sequence passes none of the request's on. */
    private void correlate(Map<String, String> headers) {
        String name = Engine.of().correlationHeader();
        if (name != null && request.correlation() != null) {
            headers.put(name, request.correlation().toString());
        }
    }

    private void fault(
            Axis2MessageContext context,
            int status,
            int code,
            String message,
            Map<String, String> headers) {
        MessageContext axis2 = context.getAxis2MessageContext();
        axis2.setProperty(Properties.HEADERS, headers);
        axis2.setProperty(Properties.BUILDER_INVOKED, Boolean.TRUE);
        axis2.setProperty(Properties.CONTENT_TYPE, "application/json");
        axis2.setProperty(Properties.MESSAGE_TYPE, "application/json");
        axis2.removeProperty(Properties.NO_ENTITY_BODY);
        Faults.describe(context, status, code, message);
        try {
            request.fault(context);
        } catch (RuntimeException e) {
            LOG.error("The fault sequence failed", e);
        }
    }

    void onThisWorker(Runnable work) {
        Engine.of().onWorker(request.uri, request.correlation(), request.original(), work);
    }

    /**
     * @param otherwise is run when there is no worker, or the work failed
     */
    void onWorker(Runnable work, Runnable otherwise) {
        onAnyWorker(guarded(work, otherwise), otherwise);
    }

    private void onAnyWorker(Runnable work, Runnable otherwise) {
        Workers.run(configuration, loader, work, otherwise);
    }

    private void answer(Runnable work, Runnable otherwise) {
        answers.run(this::onAnyWorker, guarded(work, otherwise), otherwise);
    }

    private Runnable guarded(Runnable work, Runnable otherwise) {
        return () -> {
            try {
                onThisWorker(work);
            } catch (RuntimeException | Error e) {
                LOG.error("A Model Failover answer failed on its way back", e);
                otherwise.run();
            }
        };
    }
}
