package org.modelfailover.tracing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.extension.trace.propagation.JaegerPropagator;
import io.opentelemetry.sdk.trace.data.EventData;
import io.opentelemetry.sdk.trace.data.SpanData;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.gateway.host.ExtensionHandler;
import org.modelfailover.gateway.host.KeyTypeHandler;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.LogCapture;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.Until;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Each attempt is a span under the host's, and none of them is left open. */
class TracingTest extends GatewayTest {
    private ProviderProcess one;
    private ProviderProcess two;

    @BeforeEach
    void begin() {
        Collector.begin();
        one = provider("one");
        two = provider("two");
    }

    @AfterEach
    void noSpanIsLeftOpen() {
        Until.is("every span has ended", Collector::open, List::isEmpty);
    }

    /** The two jars must not be the same in both runs. */
    @Test
    void openTelemetryIsTheVersionThatIsAskedFor() {
        String jar =
                W3CTraceContextPropagator.class
                        .getProtectionDomain()
                        .getCodeSource()
                        .getLocation()
                        .getPath();
        assertTrue(jar.endsWith("-" + System.getProperty("telemetry.version") + ".jar"), jar);
    }

    private TestDeployment traced() {
        return api(one, two)
                .endpoint("refused", "http://127.0.0.1:1/v1")
                .handler(HostSpans.OfTheApi.class.getName(), Map.of())
                .handler(KeyTypeHandler.class.getName(), Map.of())
                .handler(ExtensionHandler.class.getName(), Map.of())
                .policy("<class name=\"" + HostSpans.Environment.class.getName() + "\"/>")
                .faultPolicy("<class name=\"" + HostSpans.OfFaults.class.getName() + "\"/>");
    }

    private void deployWith(FailoverConfigs configs) {
        deploy(traced(), configs.set("targetRetries", "0"));
    }

    private static List<SpanData> attempts(int count) {
        return Until.is(count + " attempts", Collector::attempts, all -> all.size() == count);
    }

    private static String traceparent(ProviderProcess provider) {
        List<String> values = provider.calls().get(0).headers("traceparent");
        assertEquals(1, values.size(), values::toString);
        return values.get(0);
    }

    private static void assertGoesOnWith(SpanData span, ProviderProcess provider) {
        assertEquals(
                "00-" + span.getTraceId() + "-" + span.getSpanId() + "-01", traceparent(provider));
    }

    @Test
    void eachAttemptIsASpanOfItsOwnUnderTheHosts() {
        deployWith(
                FailoverConfigs.target("gpt-4o~status=503", "one")
                        .fallback("gpt-mini", "two")
                        .suspendDuration("60"));

        assertServedBy("two", ask(chat("gpt-4o~status=503")));

        List<SpanData> attempts = attempts(2);
        SpanData failed = attempts.get(0);
        SpanData served = attempts.get(1);
        SpanData backend = Collector.named(HostSpans.BACKEND);
        for (SpanData attempt : attempts) {
            assertEquals(SpanKind.CLIENT, attempt.getKind());
            assertEquals(backend.getSpanId(), attempt.getParentSpanId());
            assertEquals(backend.getTraceId(), attempt.getTraceId());
            assertEquals("chat", Collector.text(attempt, "gen_ai.operation.name"));
            assertEquals("127.0.0.1", Collector.text(attempt, "server.address"));
        }
        assertEquals("chat gpt-4o~status=503", failed.getName());
        assertEquals("gpt-4o~status=503", Collector.text(failed, "gen_ai.request.model"));
        assertEquals("one", Collector.text(failed, "model_failover.endpoint.id"));
        assertEquals("limited", Collector.text(failed, "error.type"));
        assertEquals(StatusCode.ERROR, failed.getStatus().getStatusCode());
        assertEquals(503, Collector.number(failed, "http.response.status_code"));
        assertNull(Collector.number(failed, "http.request.resend_count"));
        EventData suspended = failed.getEvents().get(0);
        assertEquals("model_failover.suspended", suspended.getName());
        assertEquals(
                60_000,
                suspended.getAttributes().get(AttributeKey.longKey("model_failover.suspended_ms")));

        assertEquals("chat gpt-mini", served.getName());
        assertNull(Collector.text(served, "error.type"));
        assertEquals(StatusCode.UNSET, served.getStatus().getStatusCode());
        assertEquals(200, Collector.number(served, "http.response.status_code"));
        assertEquals(1, Collector.number(served, "http.request.resend_count"));

        assertGoesOnWith(failed, one);
        assertGoesOnWith(served, two);
    }

    @Test
    void aSuspensionThatIsKnownLaterIsOnTheHostsSpan() {
        deployWith(
                FailoverConfigs.target("gpt~silent", "one")
                        .fallback("gpt-mini", "two")
                        .requestTimeout("0.3")
                        .suspendDuration("60"));

        assertServedBy("two", ask(chat("gpt~silent")));

        SpanData failed = attempts(2).get(0);
        assertEquals("silent", Collector.text(failed, "error.type"));
        assertEquals(List.of(), failed.getEvents());
        SpanData backend = Collector.named(HostSpans.BACKEND);
        EventData suspended = backend.getEvents().get(0);
        assertEquals("model_failover.suspended", suspended.getName());
        assertEquals(
                1, suspended.getAttributes().get(AttributeKey.longKey("model_failover.attempt")));
        assertEquals("silent", suspended.getAttributes().get(AttributeKey.stringKey("error.type")));
    }

    @Test
    void aRetryIsAnAttemptToo() {
        deploy(
                traced(),
                FailoverConfigs.target("gpt~status=500~first=1", "one")
                        .set("retryBackoff", "1ms")
                        .set("retryBudget", "100% + 100/s"));

        assertServedBy("one", ask(chat("gpt~status=500~first=1")));

        List<SpanData> attempts = attempts(2);
        assertEquals("unavailable", Collector.text(attempts.get(0), "error.type"));
        assertNull(Collector.text(attempts.get(1), "error.type"));
        List<String> sent = new ArrayList<>();
        one.calls().forEach(call -> sent.addAll(call.headers("traceparent")));
        assertEquals(2, new HashSet<>(sent).size(), sent::toString);
    }

    @Test
    void aStreamsSpanLastsToItsEndAndSaysWhenItBegan() {
        String model = "gpt~interval=30ms~tokens=10";
        deployWith(FailoverConfigs.target(model, "one"));
        String usage = "\"stream_options\":{\"include_usage\":true},";

        assertEquals(200, ask(streamed(model).replaceFirst("\\{", "{" + usage)).status());

        SpanData span = attempts(1).get(0);
        assertEquals(
                true, span.getAttributes().get(AttributeKey.booleanKey("gen_ai.request.stream")));
        double first = Collector.seconds(span, "gen_ai.response.time_to_first_chunk");
        double whole = (span.getEndEpochNanos() - span.getStartEpochNanos()) / 1e9;
        assertTrue(first < whole && whole > 0.2, first + " of " + whole);
        assertEquals(10, Collector.number(span, "gen_ai.usage.output_tokens"));
    }

    @Test
    void aRescueIsASpanAndTheBrokenStreamAnother() {
        deployWith(FailoverConfigs.target("gpt~cut=2", "one").fallback("gpt-mini", "two"));

        RawClient.Answer answer = ask(streamed("gpt~cut=2"));

        assertEquals(200, answer.status());
        List<SpanData> attempts = attempts(2);
        assertEquals("stream-cut", Collector.text(attempts.get(0), "error.type"));
        assertTrue(Collector.number(attempts.get(0), "model_failover.delivered") > 0);
        assertNull(Collector.text(attempts.get(1), "error.type"));
        assertNotEquals(traceparent(one), traceparent(two));
    }

    @Test
    void anAnswerOfTheFaultSequenceLeavesNoneOpen() {
        deployWith(FailoverConfigs.target("gpt~reset", "one").fallback("gpt-mini", "refused"));

        assertEquals(502, ask(chat("gpt~reset")).status());

        assertEquals(
                List.of("network", "network"),
                attempts(2).stream()
                        .map(span -> Collector.text(span, "error.type"))
                        .collect(Collectors.toList()));
        Collector.named(HostSpans.BACKEND);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aClientThatLeavesLeavesNoneOpen(boolean stream) {
        String model = stream ? "gpt~stall=2" : "gpt~silent";
        deployWith(FailoverConfigs.target(model, "one"));
        RawClient client = client().post(stream ? streamed(model) : chat(model));
        Until.is("the call is under way", one::calls, calls -> calls.size() == 1);
        if (stream) {
            client.readHead();
        }

        client.leave();

        assertEquals("cancelled", Collector.text(attempts(1).get(0), "error.type"));
        assertNoCallIsOpen();
    }

    @Test
    void aClientThatLeavesWhileItsStreamIsCollectedLeavesNoneOpen() {
        deploy(
                traced().responsePolicy("<log level=\"full\"/>"),
                FailoverConfigs.target("gpt~stall=2", "one"));
        RawClient client = client().post(streamed("gpt~stall=2"));
        Until.is("the call is under way", one::calls, calls -> calls.size() == 1);

        client.leave();

        assertEquals("cancelled", Collector.text(attempts(1).get(0), "error.type"));
    }

    @Test
    void anEndpointThatIsNotThereIsNoReasonToLeaveOneOpen() {
        deployWith(FailoverConfigs.target("gpt", "nowhere").fallback("gpt-mini", "two"));

        assertServedBy("two", ask(chat("gpt")));

        attempts(1);
    }

    @Test
    void theHeaderIsThatOfTheHostsPropagator() {
        Collector.begin(JaegerPropagator.getInstance());
        deployWith(FailoverConfigs.target("gpt", "one"));

        assertServedBy("one", ask(chat("gpt"), "uber-trace-id", "1:2:0:1"));

        SpanData span = attempts(1).get(0);
        List<String> sent = one.calls().get(0).headers("uber-trace-id");
        assertEquals(List.of(span.getTraceId() + ":" + span.getSpanId() + ":0:1"), sent);
    }

    @Test
    void theAttemptLogNamesTheTrace() {
        deployWith(FailoverConfigs.target("gpt~status=503", "one").fallback("gpt-mini", "two"));
        try (LogCapture log = new LogCapture()) {
            assertServedBy("two", ask(chat("gpt~status=503")));
            String id = attempts(2).get(0).getTraceId();
            assertTrue(log.await("trace_id=\"" + id + "\"").isPresent(), log.text());
        }
    }

    @Test
    void whereTheHostDoesNotTraceNothingIsAdded() {
        deploy(
                api(one, two),
                FailoverConfigs.target("gpt~status=503", "one").fallback("gpt-mini", "two"));

        assertServedBy("two", ask(chat("gpt~status=503")));

        assertEquals(List.of(), Collector.ended());
        assertFalse(two.calls().get(0).log().toString().contains("traceparent"));
    }

    @Test
    void aHundredRequestsOfEveryKindLeaveNoneOpen() {
        List<String> models =
                List.of(
                        "gpt~status=503",
                        "gpt~reset",
                        "gpt~status=400",
                        "gpt~cut",
                        "gpt~empty",
                        "gpt~bad-json",
                        "gpt~error-200",
                        "gpt");
        TestDeployment api = traced();
        for (String model : models) {
            api.failover(
                    FailoverConfigs.target(model, "one")
                            .fallback("gpt-mini~cut=2", "two")
                            .set("targetRetries", "0")
                            .attributes());
        }
        deploy(api);
        for (int i = 0; i < 6; i++) {
            for (String model : models) {
                ask(chat(model));
                ask(streamed(model));
            }
        }
        assertTrue(Collector.attempts().size() > 96, () -> "" + Collector.attempts().size());
    }
}
