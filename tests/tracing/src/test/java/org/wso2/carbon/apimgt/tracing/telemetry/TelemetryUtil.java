package org.wso2.carbon.apimgt.tracing.telemetry;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.context.Context;

import java.util.Map;

/** Stands for the host's class of this name. */
public class TelemetryUtil {
    private TelemetryUtil() {}

    /** Puts the headers by which a span's trace goes on into a map. */
    public static void inject(TelemetrySpan span, Map<String, String> carrier) {
        TelemetryServiceImpl.getInstance()
                .getOpenTelemetry()
                .getPropagators()
                .getTextMapPropagator()
                .inject(Context.root().with((Span) span.getSpan()), carrier, Map::put);
    }
}
