package org.modelfailover.synapse.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.apache.axiom.om.OMAbstractFactory;
import org.apache.axiom.om.util.AXIOMUtil;
import org.apache.axis2.Constants;
import org.apache.axis2.context.ConfigurationContext;
import org.apache.axis2.context.MessageContext;
import org.apache.axis2.engine.AxisConfiguration;
import org.apache.logging.log4j.ThreadContext;
import org.apache.synapse.config.xml.AnonymousListMediator;
import org.apache.synapse.continuation.ContinuationStackManager;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.core.axis2.ResponseState;
import org.apache.synapse.mediators.base.SequenceMediator;
import org.apache.synapse.mediators.base.SequenceType;
import org.apache.synapse.transport.passthru.config.PassThroughCorrelationConfigDataHolder;
import org.junit.jupiter.api.Test;
import org.wso2.carbon.core.CarbonConfigurationContextFactory;
import org.wso2.securevault.SecretResolver;
import org.wso2.securevault.SecretResolverFactory;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Everything of WSO2's engine that is found by reflection is found. */
class Wso2EngineTest {
    private static final Engine ENGINE = Engine.of();

    /** With what WSO2's Axis2 adds. */
    public static final class Wso2Configuration extends AxisConfiguration {
        private boolean asked;

        public SecretResolver getSecretResolver() {
            asked = true;
            return SecretResolverFactory.create(
                    OMAbstractFactory.getOMFactory().createOMElement("axisconfig", null), false);
        }
    }

    /** With what WSO2's Synapse adds. */
    public static final class Wso2MessageContext extends Axis2MessageContext {
        private final Map<String, Object> variables = new HashMap<>();

        Wso2MessageContext() {
            super(axis2(), null, null);
        }

        public Object getVariable(String key) {
            return variables.get(key);
        }

        public void setVariable(String key, Object value) {
            variables.put(key, value);
        }

        public Set<String> getVariableKeySet() {
            return variables.keySet();
        }
    }

    private static MessageContext axis2() {
        try {
            MessageContext context = new MessageContext();
            context.setEnvelope(OMAbstractFactory.getSOAP11Factory().getDefaultEnvelope());
            return context;
        } catch (org.apache.axis2.AxisFault e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void itIsTheEngineThatRuns() {
        assertInstanceOf(Wso2Engine.class, ENGINE);
    }

    @Test
    void aJsonBodyComesBackByteForByte() {
        byte[] body = "{ \"model\" :\"ä\"}".getBytes(StandardCharsets.UTF_8);
        MessageContext context = axis2();
        context.setProperty(Properties.MESSAGE_TYPE, "application/json");
        assertNull(ENGINE.jsonPayload(context), "there is none yet");

        assertTrue(ENGINE.putJson(context, body));

        assertArrayEquals(body, ENGINE.jsonPayload(context));
    }

    @Test
    void aSealedContextCountsAsAnswered() {
        Axis2MessageContext context = new Wso2MessageContext();

        ENGINE.sealResponse(context);

        ResponseState state =
                assertInstanceOf(
                        ResponseState.class, context.getProperty("__SYNAPSE_RESPONSE_STATE__"));
        assertTrue(state.isRespondDone());
    }

    @Test
    void theVariablesOfARequestAreThoseOfItsAnswer() {
        Wso2MessageContext request = new Wso2MessageContext();
        request.setVariable("caller", "42");
        Map<String, Object> variables = ENGINE.variables(request);
        request.setVariable("caller", "changed when the thread was given back");
        Wso2MessageContext answer = new Wso2MessageContext();

        ENGINE.setVariables(answer, variables);

        assertEquals("42", answer.getVariable("caller"));
    }

    /** A sequence with what WSO2's adds. */
    public static final class Wso2Sequence extends SequenceMediator {
        private final List<Integer> begun = new ArrayList<>();

        public boolean mediate(org.apache.synapse.MessageContext context, int from) {
            begun.add(from);
            return false;
        }

        public SequenceType getSequenceType() {
            return SequenceType.NAMED;
        }
    }

    @Test
    void aListGoesOnInItsOwnWay() {
        Wso2Sequence sequence = new Wso2Sequence();

        assertFalse(ENGINE.mediateFrom(sequence, 3, new Wso2MessageContext()));

        assertEquals(List.of(3), sequence.begun);
    }

    @Test
    void whatIsLeftIsTakenOffTheStackOfCalls() {
        ContinuationStackManager.REMOVED.clear();
        Axis2MessageContext context = new Wso2MessageContext();

        ENGINE.leave(new AnonymousListMediator(), true, context);
        ENGINE.leave(new Wso2Sequence(), false, context);

        assertEquals(List.of("branch", "NAMED"), ContinuationStackManager.REMOVED);
    }

    /** With what WSO2's has: public, and with the context. */
    public static final class Wso2Worker {
        private MessageContext acknowledged;

        public void sendAck(MessageContext context) {
            acknowledged = context;
        }
    }

    @Test
    void theWorkerOfARequestAcknowledgesIt() {
        MessageContext context = axis2();
        Wso2Worker worker = new Wso2Worker();
        context.setProperty(Constants.OUT_TRANSPORT_INFO, worker);

        ENGINE.acknowledge(context);

        assertSame(context, worker.acknowledged);
    }

    @Test
    void theStatisticsStayOpenWhileARequestIsStillComing() {
        Axis2MessageContext context = new Wso2MessageContext();

        ENGINE.beforePause(context);
        assertEquals(true, context.getProperty("CONTINUE_STATISTICS_FLOW"));
        ENGINE.afterPause(context);

        assertNull(context.getProperty("CONTINUE_STATISTICS_FLOW"));
    }

    @Test
    void logLinesOfAWorkerHaveTheIdOfItsRequestAndOfNoOther() {
        List<String> seen = new ArrayList<>();
        ThreadContext.put("Correlation-ID", "that of the request before");
        for (Object id : new Object[] {"first", null, "", "second"}) {
            ENGINE.onWorker(
                    "/x",
                    id,
                    new Wso2MessageContext(),
                    () -> seen.add(ThreadContext.get("Correlation-ID")));
        }
        assertEquals(Arrays.asList("first", null, null, "second"), seen);
    }

    @Test
    void whatIsLoggedForARequestOnNobodysThreadHasItsIdAndLeavesNone() {
        List<String> seen = new ArrayList<>();
        ENGINE.correlated("first", () -> seen.add(ThreadContext.get("Correlation-ID")));
        ENGINE.correlated(null, () -> seen.add(ThreadContext.get("Correlation-ID")));
        seen.add(ThreadContext.get("Correlation-ID"));
        assertEquals(Arrays.asList("first", null, null), seen);
    }

    @Test
    void itIsKnownWhetherCorrelationIsLogged() {
        assertFalse(ENGINE.isCorrelationLogged());
        PassThroughCorrelationConfigDataHolder.setEnable(true);
        try {
            assertTrue(ENGINE.isCorrelationLogged());
        } finally {
            PassThroughCorrelationConfigDataHolder.setEnable(false);
        }
        assertEquals("activityid", ENGINE.correlationHeader());
    }

    /** With what WSO2's transport counts. */
    public static final class Metrics {
        private int ended;

        public void exceptionOccured() {
            ended++;
        }
    }

    /** Tells a pipe of a client that left, as the engine's does. */
    private static final class SourceHandler {
        void exception(Metrics metrics) {
            ENGINE.unserved(metrics);
        }

        /** Counts by itself. */
        void timeout(Metrics metrics) {
            ENGINE.unserved(metrics);
            metrics.exceptionOccured();
        }
    }

    @Test
    void aRequestThatEndsWithAnErrorOfItsConnectionIsCountedOnceAsEnded() {
        Metrics metrics = new Metrics();
        new SourceHandler().exception(metrics);
        assertEquals(1, metrics.ended, "the engine does not count it");
        new SourceHandler().timeout(metrics);
        assertEquals(2, metrics.ended, "the engine counts it itself");
        ENGINE.unserved(new Object());
    }

    @Test
    void theServersOwnSendersCount() throws Exception {
        AxisConfiguration server = new AxisConfiguration();
        var field = CarbonConfigurationContextFactory.class.getDeclaredField("configCtx");
        field.setAccessible(true);
        field.set(null, new ConfigurationContext(server));
        try {
            assertSame(server, ENGINE.transports(null));
        } finally {
            CarbonConfigurationContextFactory.clear();
        }
    }

    @Test
    void passwordsInAxis2AreForItsResolver() throws Exception {
        Wso2Configuration configuration = new Wso2Configuration();
        var password = AXIOMUtil.stringToOM("<Password>plain</Password>");

        assertEquals("plain", ENGINE.secrets(configuration).apply(password));

        assertTrue(configuration.asked);
    }

    @Test
    void aPlainPasswordInProfilesIsTakenAsItIs() throws Exception {
        var profiles = AXIOMUtil.stringToOM("<profiles><Password>plain</Password></profiles>");

        assertEquals("plain", ENGINE.secretsOf(profiles).apply(profiles.getFirstElement()));
    }
}
