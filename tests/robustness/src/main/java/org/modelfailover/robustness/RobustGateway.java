package org.modelfailover.robustness;

import com.google.gson.Gson;

import org.modelfailover.executor.Executor;
import org.modelfailover.gateway.DeploymentFolder;
import org.modelfailover.gateway.EmbeddedGateway;
import org.modelfailover.gateway.GatewayLog;
import org.modelfailover.synapse.Activator;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Version;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Gateways as one process: {@code RobustGateway <log file> <deployment folder>…}, one for each
 * folder.
 *
 * <p>Each answer on standard output begins with {@link #MARK}; what else is there is the JVM's own.
 * The first names the gateways' ports. Then it reads lines: {@code redeploy N} deploys gateway N
 * anew, {@code restart} stops the bundle and starts it, {@code halt} does so as when the whole
 * framework stops and deploys all gateways anew, {@code calls} tells how many calls are under way,
 * {@code footprint} what the process holds. The end of the input ends it.
 */
final class RobustGateway {
    static final String MARK = "gateway> ";

    /** Begins the first answer. */
    static final String STARTED = "ports ";

    private static final int STOPPED_MILLIS = 50;

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
                        .collect(Collectors.joining(" ", STARTED, "")));
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
                stopAndStart(Bundle.ACTIVE);
                return "done";
            case "halt":
                stopAndStart(Bundle.STOPPING);
                gateways.forEach(EmbeddedGateway::redeploy);
                return "done";
            case "calls":
                return String.valueOf(Executor.openCalls());
            case "footprint":
                return new Gson().toJson(Footprint.now());
            default:
                return "failed: no command " + words[0];
        }
    }

    private static void stopAndStart(int framework) throws InterruptedException {
        Activator activator = new Activator();
        activator.stop(context(framework));
        Thread.sleep(STOPPED_MILLIS);
        activator.start(context(Bundle.ACTIVE));
    }

    /** As much of OSGi as a bundle asks about: the state of the framework, its own version. */
    private static BundleContext context(int framework) {
        Bundle system =
                (Bundle)
                        Proxy.newProxyInstance(
                                Bundle.class.getClassLoader(),
                                new Class<?>[] {Bundle.class},
                                (proxy, method, arguments) -> {
                                    if (method.getReturnType() == int.class) {
                                        return framework;
                                    }
                                    return method.getReturnType() == Version.class
                                            ? Version.emptyVersion
                                            : Collections.emptyEnumeration();
                                });
        return (BundleContext)
                Proxy.newProxyInstance(
                        Bundle.class.getClassLoader(),
                        new Class<?>[] {BundleContext.class},
                        (proxy, method, arguments) -> system);
    }

    private static void say(String line) {
        System.out.println(MARK + line);
        System.out.flush();
    }
}
