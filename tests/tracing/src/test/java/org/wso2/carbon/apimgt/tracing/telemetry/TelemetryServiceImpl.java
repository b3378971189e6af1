package org.wso2.carbon.apimgt.tracing.telemetry;

import io.opentelemetry.api.OpenTelemetry;

import org.modelfailover.tracing.Collector;

/** Stands for the host's class of this name, which has the one OpenTelemetry of a gateway. */
public class TelemetryServiceImpl {
    private static final TelemetryServiceImpl INSTANCE = new TelemetryServiceImpl();

    private TelemetryServiceImpl() {}

    public static TelemetryServiceImpl getInstance() {
        return INSTANCE;
    }

    public OpenTelemetry getOpenTelemetry() {
        return Collector.telemetry();
    }
}
