package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.apache.http.nio.NHttpServerConnection;
import org.apache.synapse.Mediator;
import org.apache.synapse.MessageContext;
import org.apache.synapse.SynapseException;
import org.apache.synapse.config.SynapseConfiguration;
import org.apache.synapse.config.xml.SwitchCase;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.mediators.AbstractMediator;
import org.apache.synapse.mediators.ListMediator;
import org.apache.synapse.mediators.base.SequenceMediator;
import org.apache.synapse.mediators.filters.FilterMediator;
import org.apache.synapse.mediators.filters.SwitchMediator;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.Until;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiPredicate;
import java.util.stream.Stream;

/** The host's mediators that put an endpoint's credentials in, and those that fail to. */
class CredentialMediatorsTest extends Credentials {
    /** In the place of an endpoint's mediator, where the sequences of both key types have it. */
    private void replaceMediator(String endpoint, Mediator by) {
        SynapseConfiguration configuration = gateway.synapseConfiguration();
        configuration
                .getDefinedSequences()
                .forEach(
                        (name, sequence) -> {
                            ListMediator found = caseOf(sequence, endpoint);
                            if (found != null) {
                                found.getList().set(0, by);
                                configuration.updateSequence(name, again(sequence));
                            }
                        });
    }

    /** As a deployment makes it: what was found in the one before counts no longer. */
    private static SequenceMediator again(SequenceMediator sequence) {
        SequenceMediator again = new SequenceMediator();
        again.setName(sequence.getName());
        again.addAll(sequence.getList());
        return again;
    }

    private static ListMediator caseOf(Mediator in, String endpoint) {
        if (in instanceof SwitchMediator) {
            return ((SwitchMediator) in)
                    .getCases().stream()
                            .filter(one -> one.getRegex().pattern().equals(endpoint))
                            .map(SwitchCase::getCaseMediator)
                            .findAny()
                            .orElse(null);
        }
        List<Mediator> children =
                in instanceof FilterMediator
                        ? List.of(((FilterMediator) in).getElseMediator())
                        : in instanceof ListMediator ? ((ListMediator) in).getList() : List.of();
        return children.stream()
                .map(child -> caseOf(child, endpoint))
                .filter(Objects::nonNull)
                .findAny()
                .orElse(null);
    }

    /** Stands in front of the policy and knows the client's connection. */
    public static final class NotesConnection extends AbstractMediator {
        private static volatile NHttpServerConnection connection;

        @Override
        public boolean mediate(MessageContext synCtx) {
            connection =
                    (NHttpServerConnection)
                            ((Axis2MessageContext) synCtx)
                                    .getAxis2MessageContext()
                                    .getProperty("pass-through.Source-Connection");
            return true;
        }

        @Override
        public boolean isContentAware() {
            return false;
        }
    }

    @Test
    void aClientThatLeavesBeforeItsCallHasBegunIsNoError() {
        deploy(
                endpoints().policy("<class name=\"" + NotesConnection.class.getName() + "\"/>"),
                FailoverConfigs.target("a", "bearer"));
        replaceMediator(
                "bearer",
                acting(
                        (headers, synCtx) -> {
                            try {
                                NotesConnection.connection.shutdown();
                            } catch (IOException e) {
                                throw new AssertionError(e);
                            }
                            assertNoCallIsOpen();
                            headers.put("Authorization", "Bearer sk-secret-bearer");
                            return true;
                        }));

        assertTrue(client().post(chat("a")).isClosed());

        Until.is(
                "one line for who looks for it",
                () -> log.lines("DEBUG", "The client left"),
                lines -> !lines.isEmpty());
        assertEquals(List.of(), log.lines("ERROR", ""), log::text);
        assertEquals(List.of(), running("bearer").calls());
    }

    static Stream<Arguments> mediatorsThatPutNoCredentialsIn() {
        return Stream.of(
                mediator("that says no", (headers, synCtx) -> false),
                mediator("that does nothing", (headers, synCtx) -> true),
                mediator(
                        "that throws",
                        (headers, synCtx) -> {
                            throw new SynapseException("no token");
                        }),
                mediator(
                        "that fails badly",
                        (headers, synCtx) -> {
                            throw new AssertionError("no token");
                        }),
                mediator(
                        "that takes all headers away",
                        (headers, synCtx) -> {
                            headers.put("Authorization", "Bearer sk-secret-bearer");
                            ((Axis2MessageContext) synCtx)
                                    .getAxis2MessageContext()
                                    .removeProperty("TRANSPORT_HEADERS");
                            return true;
                        }),
                mediator(
                        "whose key ends in a line end",
                        (headers, synCtx) -> {
                            headers.put("Authorization", "Bearer sk-secret-bearer\n");
                            return true;
                        }),
                mediator(
                        "whose key no header can hold",
                        (headers, synCtx) -> {
                            headers.put("Authorization", "Bearer sk-secret-\u2026");
                            return true;
                        }));
    }

    private static Arguments mediator(
            String name, BiPredicate<Map<String, String>, MessageContext> mediation) {
        return Arguments.of(Named.of(name, acting(mediation)));
    }

    private static Mediator acting(BiPredicate<Map<String, String>, MessageContext> mediation) {
        return new AbstractMediator() {
            @Override
            @SuppressWarnings("unchecked")
            public boolean mediate(MessageContext synCtx) {
                Object headers =
                        ((Axis2MessageContext) synCtx)
                                .getAxis2MessageContext()
                                .getProperty("TRANSPORT_HEADERS");
                return mediation.test((Map<String, String>) headers, synCtx);
            }

            @Override
            public boolean isContentAware() {
                return false;
            }
        };
    }

    @ParameterizedTest
    @MethodSource("mediatorsThatPutNoCredentialsIn")
    void nothingIsSentWithoutTheEndpointsCredentials(Mediator mediator) {
        deploy(
                endpoints(),
                FailoverConfigs.target("a", "bearer").fallback("b", "header").requestTimeout("5"));
        replaceMediator("bearer", mediator);

        for (int i = 0; i < 2; i++) {
            assertServedBy("header", ask(chat("a"), "Authorization", CALLERS));
        }

        assertEquals(List.of(), running("bearer").calls());
        assertEquals(2, log.lines("ERROR", "at the endpoint bearer").size(), log::text);
        running("header").calls().forEach(call -> assertCarries(call, "header"));
    }
}
