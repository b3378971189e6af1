package org.modelfailover.tracing;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.SpanId;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.ContextPropagators;
import io.opentelemetry.context.propagation.TextMapPropagator;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.trace.ReadWriteSpan;
import io.opentelemetry.sdk.trace.ReadableSpan;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.SpanProcessor;
import io.opentelemetry.sdk.trace.data.SpanData;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** The gateway's OpenTelemetry, and every span that was begun with it. */
public final class Collector {
    private static final Set<ReadableSpan> OPEN = ConcurrentHashMap.newKeySet();
    private static final List<SpanData> ENDED = new CopyOnWriteArrayList<>();
    private static final SdkTracerProvider TRACERS =
            SdkTracerProvider.builder().addSpanProcessor(new Collecting()).build();
    private static volatile OpenTelemetry telemetry;

    private Collector() {}

    private static final class Collecting implements SpanProcessor {
        @Override
        public void onStart(Context parent, ReadWriteSpan span) {
            OPEN.add(span);
        }

        @Override
        public boolean isStartRequired() {
            return true;
        }

        @Override
        public void onEnd(ReadableSpan span) {
            OPEN.removeIf(open -> open.getSpanContext().equals(span.getSpanContext()));
            ENDED.add(span.toSpanData());
        }

        @Override
        public boolean isEndRequired() {
            return true;
        }
    }

    public static OpenTelemetry telemetry() {
        return telemetry;
    }

    /** Forgets all spans, and has their traces go on by the W3C's header. */
    static void begin() {
        begin(W3CTraceContextPropagator.getInstance());
    }

    static void begin(TextMapPropagator propagator) {
        OPEN.clear();
        ENDED.clear();
        telemetry =
                OpenTelemetrySdk.builder()
                        .setTracerProvider(TRACERS)
                        .setPropagators(ContextPropagators.create(propagator))
                        .build();
    }

    /** Names of spans that have not ended. */
    static List<String> open() {
        List<String> names = new ArrayList<>();
        OPEN.forEach(span -> names.add(span.getName()));
        return names;
    }

    static List<SpanData> ended() {
        return List.copyOf(ENDED);
    }

    /** Those of attempts, in the order in which they ended. */
    static List<SpanData> attempts() {
        List<SpanData> attempts = new ArrayList<>();
        for (SpanData span : ENDED) {
            if (!span.getName().startsWith("API:")) {
                attempts.add(span);
            }
        }
        return attempts;
    }

    /** The one of a name. */
    static SpanData named(String name) {
        return ENDED.stream().filter(span -> span.getName().equals(name)).findFirst().orElseThrow();
    }

    static boolean isRoot(SpanData span) {
        return span.getParentSpanId().equals(SpanId.getInvalid());
    }

    static String text(SpanData span, String key) {
        return span.getAttributes().get(AttributeKey.stringKey(key));
    }

    static Long number(SpanData span, String key) {
        return span.getAttributes().get(AttributeKey.longKey(key));
    }

    static Double seconds(SpanData span, String key) {
        return span.getAttributes().get(AttributeKey.doubleKey(key));
    }
}
