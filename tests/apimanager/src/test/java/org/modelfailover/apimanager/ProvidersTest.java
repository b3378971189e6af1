package org.modelfailover.apimanager;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.wso2.carbon.apimgt.api.LLMProviderMetadata;
import org.wso2.carbon.apimgt.api.LLMProviderService;
import org.wso2.carbon.apimgt.api.model.LLMProviderInfo;
import org.wso2.carbon.apimgt.gateway.internal.DataHolder;
import org.wso2.carbon.apimgt.gateway.internal.ServiceReferenceHolder;

import java.io.File;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.stream.Collectors;

/** The gateway knows AI service providers as API Manager's gateways know them. */
class ProvidersTest extends HostGatewayTest {
    @ParameterizedTest
    @EnumSource
    void aProviderIsDefinedWhereTheHostsMediatorsLookForIt(AiProvider provider) {
        LLMProviderInfo info = DataHolder.getInstance().getLLMProviderConfigurations(provider.id());

        assertNotNull(info, provider.id());
        assertSame(
                provider.service().getClass(),
                ServiceReferenceHolder.getInstance()
                        .getLLMProviderService(info.getConfigurations().getConnectorType())
                        .getClass());
        Set<String> attributes =
                info.getConfigurations().getMetadata().stream()
                        .map(LLMProviderMetadata::getAttributeName)
                        .collect(Collectors.toSet());
        assertTrue(
                attributes.containsAll(
                        Set.of("requestModel", "promptTokenCount", "completionTokenCount")),
                provider.id() + " says where to find " + attributes);
    }

    @Test
    void noBuiltInProviderIsMissing() throws Exception {
        File jar =
                new File(
                        LLMProviderService.class
                                .getProtectionDomain()
                                .getCodeSource()
                                .getLocation()
                                .toURI());
        Set<String> there = new TreeSet<>();
        try (JarFile classes = new JarFile(jar)) {
            classes.stream()
                    .map(entry -> entry.getName().replaceAll(".*/|\\.class$", ""))
                    .filter(name -> name.matches(".+LLMProviderService(V[0-9_]+)?"))
                    .forEach(there::add);
        }
        // What they have in common, and what serves those that administrators define.
        there.removeAll(
                Set.of(
                        "AILLMProviderService",
                        "BuiltInLLMProviderService",
                        "DefaultLLMProviderService"));

        assertEquals(
                there,
                Arrays.stream(AiProvider.values())
                        .filter(AiProvider::isBuiltIn)
                        .map(provider -> provider.service().getClass().getSimpleName())
                        .collect(Collectors.toCollection(TreeSet::new)));
    }
}
