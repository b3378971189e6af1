package org.modelfailover.apimanager;

import org.modelfailover.executor.NativeLibrary;
import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.Client;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.ProviderProcess.Call;
import org.modelfailover.kit.World;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Runs in a JVM of its own, without a native library: prints, for each request, the answer's status
 * and who was called, with which key.
 */
final class WithoutLibrary {
    private static final List<String> PROVIDERS = List.of("default", "two", "three");

    private WithoutLibrary() {}

    /**
     * @param args a folder for what is deployed
     */
    public static void main(String[] args) {
        int status = 1;
        HostStatics.prepare();
        try (World world = new World(Path.of(args[0]), PROVIDERS.toArray(new String[0]))) {
            System.out.println("library: " + NativeLibrary.isAvailable());
            deploy(
                    world,
                    FailoverConfigs.empty()
                            .production(List.of(at("gpt-a", "two"), at("gpt-b", "three")))
                            .requestTimeout("5")
                            .suspendDuration("0"));
            play(world, "healthy", "gpt-a");
            world.at("two").set("gpt-a", "status=503");
            play(world, "failing", "gpt-a");
            play(world, "another model", "gpt-c");
            deploy(world, FailoverConfigs.empty().requestTimeout("soon"));
            play(world, "unreadable", "gpt-a");
            status = 0;
        } catch (Exception e) {
            e.printStackTrace();
        } finally {
            // The engine leaves threads behind.
            System.exit(status);
        }
    }

    private static FailoverConfigs.Candidate at(String model, String endpoint) {
        return FailoverConfigs.Candidate.of(model, endpoint);
    }

    private static void deploy(World world, FailoverConfigs configs) {
        TestDeployment api = world.nextApi().provider(AiProvider.OPENAI.id()).hostAiMediator();
        for (String name : PROVIDERS) {
            api.endpoint(name, world.at(name).url());
            if (name.equals("default")) {
                api.asDefault();
            }
            api.headerKey("Authorization", "Bearer sk-" + name);
        }
        world.deploy(api.failover(configs.attributes()));
    }

    private static void play(World world, String title, String model) throws Exception {
        world.forgetCalls();
        int status =
                Client.post(
                                world.api() + "/chat/completions",
                                "{\"model\":\"" + model + "\",\"messages\":[]}")
                        .statusCode();
        String calls =
                world.endedCalls(Duration.ofSeconds(5), Call::seq).stream()
                        .map(
                                call ->
                                        " "
                                                + call.provider().name()
                                                + "/"
                                                + call.model()
                                                + "/"
                                                + call.header("authorization"))
                        .collect(Collectors.joining());
        System.out.println(title + ": " + status + calls);
    }
}
