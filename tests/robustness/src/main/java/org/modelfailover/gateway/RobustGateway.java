package org.modelfailover.gateway;

import com.google.gson.Gson;

import org.modelfailover.executor.NativeExecutor;
import org.modelfailover.synapse.Activator;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Gateways as one process: {@code RobustGateway <log file> <deployment folder>…}, one for each
 * folder.
 *
 * <p>Each answer on standard output begins with {@link #MARK}; what else is there is the JVM's own.
 * The first names the gateways' ports. Then it reads lines: {@code redeploy N} deploys gateway N
 * anew, {@code restart} stops the bundle, starts it and deploys all gateways anew, {@code calls}
 * tells how many calls are under way, {@code footprint} what the process holds. The end of the
 * input ends it.
 */
final class RobustGateway {
    static final String MARK = "gateway> ";

    private final List<EmbeddedGateway> gateways = new ArrayList<>();

    private RobustGateway() {}

    /** See the class. */
    public static void main(String[] arguments) throws IOException {
        GatewayLog.to(Path.of(arguments[0]));
        RobustGateway all = new RobustGateway();
        for (String folder : List.of(arguments).subList(1, arguments.length)) {
            all.gateways.add(EmbeddedGateway.start(DeploymentFolder.read(Path.of(folder))));
        }
        say(
                all.gateways.stream()
                        .map(gateway -> String.valueOf(gateway.port()))
                        .collect(Collectors.joining(" ")));
        BufferedReader commands =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            try {
                say(all.obey(line.split(" ")));
            } catch (Exception e) {
                say("failed " + e);
            }
        }
        all.gateways.forEach(EmbeddedGateway::close);
        // The engine's own threads are no daemons and outlive its shutdown.
        Runtime.getRuntime().exit(0);
    }

    private String obey(String[] words) throws Exception {
        switch (words[0]) {
            case "redeploy":
                gateways.get(Integer.parseInt(words[1])).redeploy();
                return "done";
            case "restart":
                Activator bundle = new Activator();
                bundle.stop(null);
                bundle.start(null);
                gateways.forEach(EmbeddedGateway::redeploy);
                return "done";
            case "calls":
                return String.valueOf(NativeExecutor.openCalls());
            case "footprint":
                return new Gson().toJson(Footprint.now());
            default:
                return "failed: no command " + words[0];
        }
    }

    private static void say(String line) {
        System.out.println(MARK + line);
        System.out.flush();
    }
}
