package org.modelfailover.tracing;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;

import org.apache.synapse.MessageContext;
import org.apache.synapse.core.SynapseEnvironment;
import org.apache.synapse.mediators.AbstractMediator;
import org.apache.synapse.rest.Handler;
import org.wso2.carbon.apimgt.tracing.telemetry.TelemetrySpan;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;

/**
 * Makes the spans that API Manager's latency handlers make, at the same points of a request: the
 * first two when it comes, the back-end call's when the policy tells the engine's handlers that it
 * goes out, and ends them when an answer passes.
 */
public final class HostSpans {
    static final String WHOLE = "API:Response_Latency";
    static final String RESOURCE = "API:Resource";
    static final String BACKEND = "API:Backend_Latency";

    private HostSpans() {}

    private static void begin(MessageContext context, String name, String under) {
        Tracer tracer = Collector.telemetry().getTracer("host");
        TelemetrySpan above = (TelemetrySpan) context.getProperty(under);
        Context parent =
                above == null ? Context.root() : Context.root().with((Span) above.getSpan());
        Span span = tracer.spanBuilder(name).setParent(parent).startSpan();
        context.setProperty(name, new TelemetrySpan(span));
    }

    private static void end(MessageContext context, String name) {
        TelemetrySpan span = (TelemetrySpan) context.getProperty(name);
        if (span != null) {
            ((Span) span.getSpan()).end();
        }
    }

    /** Stands for the handlers of the API. */
    public static final class OfTheApi implements Handler {
        @Override
        public boolean handleRequest(MessageContext context) {
            begin(context, WHOLE, "none");
            begin(context, RESOURCE, WHOLE);
            return true;
        }

        @Override
        public boolean handleResponse(MessageContext context) {
            end(context, BACKEND);
            end(context, RESOURCE);
            end(context, WHOLE);
            return true;
        }
    }

    /** Stands for the engine, which tells its handlers of an answer of the fault sequence too. */
    public static final class OfFaults extends AbstractMediator {
        @Override
        public boolean mediate(MessageContext context) {
            end(context, RESOURCE);
            end(context, WHOLE);
            return true;
        }

        @Override
        public boolean isContentAware() {
            return false;
        }
    }

    /** What the policy calls when a request goes out. */
    public static final class OfTheEngine {
        public boolean handleRequestOutFlow(MessageContext context) {
            begin(context, BACKEND, RESOURCE);
            return true;
        }
    }

    /** What only WSO2's environment has. */
    public interface Extended {
        List<?> getSynapseHandlers();
    }

    /** A policy that gives a request the environment of WSO2's engine. */
    public static final class Environment extends AbstractMediator {
        @Override
        public boolean mediate(MessageContext context) {
            SynapseEnvironment real = context.getEnvironment();
            Extended handlers = () -> List.of(new OfTheEngine());
            context.setEnvironment(
                    (SynapseEnvironment)
                            Proxy.newProxyInstance(
                                    Extended.class.getClassLoader(),
                                    new Class<?>[] {SynapseEnvironment.class, Extended.class},
                                    (proxy, method, arguments) -> {
                                        try {
                                            return method.invoke(
                                                    method.getDeclaringClass() == Extended.class
                                                            ? handlers
                                                            : real,
                                                    arguments);
                                        } catch (InvocationTargetException e) {
                                            throw e.getCause();
                                        }
                                    }));
            return true;
        }

        @Override
        public boolean isContentAware() {
            return false;
        }
    }
}
