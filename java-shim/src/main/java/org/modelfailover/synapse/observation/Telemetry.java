package org.modelfailover.synapse.observation;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;

import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.util.HashMap;
import java.util.Map;

/**
 * The host's own OpenTelemetry, found by reflection from the class of its spans: which version of
 * it is there differs between releases of API Manager, and none may be imported.
 *
 * <p>Contexts are always given by hand, never made current: a span here outlives its thread's work.
 */
final class Telemetry {
    private static final Log LOG = LogFactory.getLog(Telemetry.class);
    private static final String HOST = "org.wso2.carbon.apimgt.tracing.telemetry.";
    private static final String API = "io.opentelemetry.";
    private static final String SPAN = HOST + "TelemetrySpan";

    /** The instrumentation's name. */
    private static final String NAME = "org.modelfailover";

    private static volatile Telemetry known;

    private final Class<?> hostSpan;
    private final Constructor<?> wrap;
    private final Method unwrap;
    private final Method inject;
    private final Object service;
    private final Method openTelemetry;
    private final Method tracer;
    private final Method builder;
    private final Method kind;
    private final Method parent;
    private final Method start;
    private final Method withSpan;
    private final Class<?> context;
    private final Object root;
    private final Object client;
    private final Object error;
    private final Method setText;
    private final Method setNumber;
    private final Method setSeconds;
    private final Method setFlag;
    private final Method setStatus;
    private final Method addEvent;
    private final Method attributes;
    private final Method putNumber;
    private final Method putText;
    private final Method build;
    private final Method end;
    private final Method spanContext;
    private final Method traceId;

    /**
     * The telemetry that a span of the host's belongs to; null when it is none, or of a kind that
     * is not known here.
     */
    static Telemetry of(Object span) {
        if (span == null || !span.getClass().getName().equals(SPAN)) {
            return null;
        }
        Telemetry last = known;
        if (last != null && last.hostSpan == span.getClass()) {
            return last;
        }
        try {
            Telemetry found = new Telemetry(span.getClass());
            known = found;
            return found;
        } catch (ReflectiveOperationException | LinkageError e) {
            LOG.warn("This gateway's traces can't show the attempts of a request", e);
            return null;
        }
    }

    private Telemetry(Class<?> hostSpan) throws ReflectiveOperationException {
        this.hostSpan = hostSpan;
        ClassLoader loader = hostSpan.getClassLoader();
        Class<?> span = Class.forName(API + "api.trace.Span", true, loader);
        Class<?> tracers = Class.forName(API + "api.trace.Tracer", true, loader);
        Class<?> builders = Class.forName(API + "api.trace.SpanBuilder", true, loader);
        Class<?> kinds = Class.forName(API + "api.trace.SpanKind", true, loader);
        Class<?> codes = Class.forName(API + "api.trace.StatusCode", true, loader);
        Class<?> sets = Class.forName(API + "api.common.Attributes", true, loader);
        Class<?> setBuilders = Class.forName(API + "api.common.AttributesBuilder", true, loader);
        Class<?> keyed = Class.forName(API + "context.ImplicitContextKeyed", true, loader);
        context = Class.forName(API + "context.Context", true, loader);
        wrap = hostSpan.getConstructor(span);
        unwrap = hostSpan.getMethod("getSpan");
        Class<?> util = Class.forName(HOST + "TelemetryUtil", true, loader);
        inject = util.getMethod("inject", hostSpan, Map.class);
        Class<?> services = Class.forName(HOST + "TelemetryServiceImpl", true, loader);
        service = services.getMethod("getInstance").invoke(null);
        openTelemetry = services.getMethod("getOpenTelemetry");
        tracer =
                Class.forName(API + "api.OpenTelemetry", true, loader)
                        .getMethod("getTracer", String.class);
        builder = tracers.getMethod("spanBuilder", String.class);
        kind = builders.getMethod("setSpanKind", kinds);
        parent = builders.getMethod("setParent", context);
        start = builders.getMethod("startSpan");
        withSpan = context.getMethod("with", keyed);
        root = context.getMethod("root").invoke(null);
        client = kinds.getField("CLIENT").get(null);
        error = codes.getField("ERROR").get(null);
        setText = span.getMethod("setAttribute", String.class, String.class);
        setNumber = span.getMethod("setAttribute", String.class, long.class);
        setSeconds = span.getMethod("setAttribute", String.class, double.class);
        setFlag = span.getMethod("setAttribute", String.class, boolean.class);
        setStatus = span.getMethod("setStatus", codes);
        addEvent = span.getMethod("addEvent", String.class, sets);
        attributes = sets.getMethod("builder");
        putNumber = setBuilders.getMethod("put", String.class, long.class);
        putText = setBuilders.getMethod("put", String.class, String.class);
        build = setBuilders.getMethod("build");
        end = span.getMethod("end");
        spanContext = span.getMethod("getSpanContext");
        traceId =
                Class.forName(API + "api.trace.SpanContext", true, loader).getMethod("getTraceId");
    }

    /** Begins a span of an outgoing call under one of the host's. */
    Object begin(String name, Object under) throws ReflectiveOperationException {
        Object above = unwrap.invoke(under);
        Object context = this.context.isInstance(above) ? above : withSpan.invoke(root, above);
        Object made = builder.invoke(tracer.invoke(openTelemetry.invoke(service), NAME), name);
        kind.invoke(made, client);
        parent.invoke(made, context);
        return start.invoke(made);
    }

    /** The headers by which its trace goes on, of the host's propagator. */
    Map<String, String> headers(Object span) throws ReflectiveOperationException {
        Map<String, String> headers = new HashMap<>();
        inject.invoke(null, wrap.newInstance(span), headers);
        return headers;
    }

    void set(Object span, String key, String value) throws ReflectiveOperationException {
        setText.invoke(span, key, value);
    }

    void set(Object span, String key, long value) throws ReflectiveOperationException {
        setNumber.invoke(span, key, value);
    }

    void set(Object span, String key, boolean value) throws ReflectiveOperationException {
        setFlag.invoke(span, key, value);
    }

    void setSeconds(Object span, String key, long millis) throws ReflectiveOperationException {
        setSeconds.invoke(span, key, millis / 1000.0);
    }

    /** Marks it as failed, by a word. */
    void fail(Object span, String why) throws ReflectiveOperationException {
        set(span, "error.type", why);
        setStatus.invoke(span, error);
    }

    /** Adds an event with numbers, and with what was the reason. */
    void event(Object span, String name, Map<String, Long> numbers, String why)
            throws ReflectiveOperationException {
        Object with = attributes.invoke(null);
        for (Map.Entry<String, Long> number : numbers.entrySet()) {
            putNumber.invoke(with, number.getKey(), number.getValue());
        }
        putText.invoke(with, "error.type", why);
        addEvent.invoke(span, name, build.invoke(with));
    }

    void end(Object span) throws ReflectiveOperationException {
        end.invoke(span);
    }

    /** Ends a span of the host's; one that has ended stays as it is. */
    void endHosts(Object span) throws ReflectiveOperationException {
        Object inside = inside(span);
        if (inside != null) {
            end.invoke(inside);
        }
    }

    /** The span in one of the host's, or null. */
    Object inside(Object span) throws ReflectiveOperationException {
        Object inside = hostSpan.isInstance(span) ? unwrap.invoke(span) : null;
        return end.getDeclaringClass().isInstance(inside) ? inside : null;
    }

    /** The id of the trace that a span of the host's belongs to, or null. */
    String traceId(Object hosts) throws ReflectiveOperationException {
        Object inside = unwrap.invoke(hosts);
        return spanContext.getDeclaringClass().isInstance(inside)
                ? (String) traceId.invoke(spanContext.invoke(inside))
                : null;
    }
}
