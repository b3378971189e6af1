package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import org.apache.synapse.config.SynapseConfiguration;
import org.apache.synapse.endpoints.IndirectEndpoint;
import org.apache.synapse.mediators.base.SequenceMediator;
import org.apache.synapse.mediators.filters.FilterMediator;
import org.apache.synapse.mediators.filters.SwitchMediator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.modelfailover.gateway.host.CallMediator;
import org.modelfailover.kit.Client;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** What a policy finds around it is what it finds in API Manager. */
class PolicyPositionTest {
    @TempDir Path folder;
    private RecordingProvider provider;
    private EmbeddedGateway gateway;

    @BeforeEach
    void start() throws IOException {
        ProbePolicy.forget();
        provider = new RecordingProvider();
        gateway =
                EmbeddedGateway.start(
                        TestDeployment.api("AssistantAPI", "1.0.0", "/t/wso2.com/assistant/1.0.0")
                                .tenant("wso2.com")
                                .endpoint("default_production_endpoint", provider.url())
                                .headerKey("Authorization", "Bearer sk")
                                .policy(ProbePolicy.xml("first") + ProbePolicy.xml("second"))
                                .policy(ProbePolicy.xml("third"))
                                .responsePolicy(
                                        ProbePolicy.xml("response")
                                                + "<property name=\"X-Response-Policy\""
                                                + " value=\"ran\" scope=\"transport\"/>")
                                .write(folder));
    }

    @AfterEach
    void stop() {
        gateway.close();
        provider.close();
    }

    @Test
    void policiesRunInOrderAndResponsePoliciesSeeTheAnswer() {
        HttpResponse<String> answer = Client.post(gateway.baseUrl() + "/chat/completions", "{}");

        assertEquals("ran", answer.headers().firstValue("X-Response-Policy").orElse("absent"));
        List<Object> order =
                ProbePolicy.SEEN.stream().map(s -> s.get("label")).collect(Collectors.toList());
        assertEquals(List.of("first", "second", "third", "response"), order);
    }

    @Test
    void aRequestPolicyRunsBeforeAResourceIsChosen() {
        Client.post(gateway.baseUrl() + "/chat/completions", "{}", "ApiKey", "sandbox");

        Map<String, Object> seen = ProbePolicy.SEEN.get(0);
        assertFalse(seen.containsKey("SYNAPSE_RESOURCE"), seen.toString());
        assertFalse(seen.containsKey("llmProviderId"), seen.toString());
        assertEquals("prod--AssistantAPI:v1.0.0", seen.get("SYNAPSE_REST_API"));
        assertEquals("/t/wso2.com/assistant/1.0.0", seen.get("REST_API_CONTEXT"));
        assertEquals("SANDBOX", seen.get("AM_KEY_TYPE"));
        assertEquals("AssistantAPI", seen.get("api.ut.api"));
        assertEquals("1.0.0", seen.get("api.ut.version"));
        assertEquals("/t/wso2.com/assistant/1.0.0", seen.get("api.ut.context"));
        assertEquals("wso2.com", seen.get("tenant.info.domain"));
        assertEquals(1, seen.get("fault handlers"), "only the global fault sequence");
    }

    @Test
    void theEndpointsSequenceHasTheShapeOfApiManagers() {
        SynapseConfiguration configuration = gateway.synapseConfiguration();
        SequenceMediator sequence =
                (SequenceMediator)
                        configuration.getSequence("AssistantAPI--v1.0.0_EndpointsSeqPRODUCTION");
        FilterMediator filter = assertInstanceOf(FilterMediator.class, sequence.getList().get(0));
        SwitchMediator byTarget =
                assertInstanceOf(SwitchMediator.class, filter.getElseMediator().getList().get(1));

        assertEquals(
                List.of("default_production_endpoint", "DEFAULT", "REJECT", "EXIT"),
                byTarget.getCases().stream()
                        .map(c -> c.getRegex().pattern())
                        .collect(Collectors.toList()));
        var mediators = byTarget.getCases().get(0).getCaseMediator().getList();
        assertEquals(2, mediators.size(), "credential, call");
        IndirectEndpoint called =
                assertInstanceOf(
                        IndirectEndpoint.class,
                        assertInstanceOf(CallMediator.class, mediators.get(1)).getEndpoint());
        assertEquals(
                "AssistantAPI--v1.0.0_API_LLMEndpoint_default_production_endpoint",
                called.getKey());
        assertEquals(
                provider.url(),
                ((org.apache.synapse.endpoints.AbstractEndpoint)
                                configuration.getEndpoint(called.getKey()))
                        .getDefinition()
                        .getAddress());
    }
}
