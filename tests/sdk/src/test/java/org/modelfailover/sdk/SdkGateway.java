package org.modelfailover.sdk;

import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.FailoverConfigs.Candidate;
import org.modelfailover.kit.Program;
import org.modelfailover.kit.ProviderProcess;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** Two providers and a gateway with an API that has a policy for each {@link Fault}. */
final class SdkGateway implements ExtensionContext.Store.CloseableResource {
    private static final String ONE = "default_production_endpoint";
    private static final String TWO = "0c1f2a9e-77aa-4a64-93d5-000000000002";

    static final Duration START_LIMIT = Duration.ofSeconds(120);

    private static final Path FOLDER = Path.of("build", "gateway");

    private final ProviderProcess one = ProviderProcess.start("simulated");
    private final ProviderProcess two = ProviderProcess.start("simulated");
    private final Program gateway;

    private SdkGateway() throws IOException {
        TestDeployment api =
                TestDeployment.assistant()
                        .endpoint(ONE, one.origin())
                        .asDefault()
                        .headerKey("Authorization", "Bearer sk-one")
                        .endpoint(TWO, two.origin())
                        .headerKey("Authorization", "Bearer sk-two");
        for (Fault fault : Fault.values()) {
            add(api, fault.model(), fault.settings(), fault.atOne(), fault.atTwo());
        }
        for (String name : BedrockNamesTest.NAMES) {
            add(api, name, Map.of(), "status=503", "");
        }
        Files.createDirectories(FOLDER);
        Path deployment = Files.createTempDirectory(FOLDER.toAbsolutePath(), "deployment");
        api.write(deployment);
        gateway =
                Program.start(
                        "ready ",
                        START_LIMIT,
                        new ProcessBuilder("../gateway/driver", deployment.toString(), "0")
                                .redirectError(log("gateway")));
    }

    /** Where a process's standard error goes. */
    static File log(String name) throws IOException {
        return Files.createDirectories(FOLDER).resolve(name + ".log").toFile();
    }

    /**
     * A policy for a model at both endpoints, and what the providers there do when asked for it.
     */
    private void add(
            TestDeployment api,
            String model,
            Map<String, String> settings,
            String atOne,
            String atTwo) {
        one.set(model, atOne);
        two.set(model, atTwo);
        FailoverConfigs configs =
                FailoverConfigs.empty()
                        .production(List.of(Candidate.of(model, ONE), Candidate.of(model, TWO)))
                        .requestTimeout("30")
                        .suspendDuration("0");
        settings.forEach(configs::set);
        api.failover(configs.attributes());
    }

    /** The API's address, without a slash at its end. */
    String url() {
        return gateway.said();
    }

    @Override
    public void close() {
        gateway.close();
        one.close();
        two.close();
    }

    /** Gives tests the one that there is. */
    static final class Resolver implements ParameterResolver {
        @Override
        public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
            return parameter.getParameter().getType() == SdkGateway.class;
        }

        @Override
        public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
            return context.getRoot()
                    .getStore(ExtensionContext.Namespace.GLOBAL)
                    .getOrComputeIfAbsent(SdkGateway.class, key -> start(), SdkGateway.class);
        }

        private static SdkGateway start() {
            try {
                return new SdkGateway();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
