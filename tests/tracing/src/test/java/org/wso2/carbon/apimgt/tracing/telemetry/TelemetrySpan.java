package org.wso2.carbon.apimgt.tracing.telemetry;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.context.Context;

/** Stands for the host's class of this name: a span, or the context of one elsewhere. */
public class TelemetrySpan {
    private final Object inside;

    public TelemetrySpan(Span span) {
        inside = span;
    }

    public TelemetrySpan(Context context) {
        inside = context;
    }

    public Object getSpan() {
        return inside;
    }
}
