package org.modelfailover.gateway;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * A gateway as a process: {@code GatewayDriver <deployment folder> <port>}.
 *
 * <p>Prints {@code ready <API's address>} on standard output when requests are answered, then reads
 * lines: {@code redeploy} reads the folder again, deploys it and prints {@code redeployed} (or
 * {@code failed <reason>} and goes on without an API); {@code stop} or the end of the input ends
 * it. Exit status: 0 stopped, 1 could not start, 2 wrong usage. {@code -Dgateway.log=FILE} names a
 * log file.
 */
public final class GatewayDriver {
    private static final String MEDIATOR = "org.modelfailover.synapse.ModelFailoverMediator";

    private GatewayDriver() {}

    /** See the class. */
    public static void main(String[] args) {
        if (args.length != 2 || !args[1].matches("\\d{1,5}")) {
            System.err.println("usage: GatewayDriver <deployment folder> <port, 0 for a free one>");
            Runtime.getRuntime().exit(2);
        }
        int status = 0;
        try {
            run(Path.of(args[0]), Integer.parseInt(args[1]));
        } catch (GatewayException e) {
            System.err.println("gateway: " + e.getMessage());
            status = 1;
        } catch (IOException | RuntimeException | LinkageError e) {
            e.printStackTrace();
            status = 1;
        }
        // The engine's own threads are no daemons and outlive its shutdown.
        Runtime.getRuntime().exit(status);
    }

    private static void run(Path directory, int port) throws IOException {
        String log = System.getProperty("gateway.log", "");
        if (!log.isEmpty()) {
            GatewayLog.to(Path.of(log));
        }
        DeploymentFolder folder = DeploymentFolder.read(directory);
        if (folder.bundle().isPresent()) {
            requireFromBundle(folder.bundle().get());
        }
        try (EmbeddedGateway gateway = EmbeddedGateway.start(folder, port)) {
            say("ready " + gateway.baseUrl());
            BufferedReader commands =
                    new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line = commands.readLine(); line != null; line = commands.readLine()) {
                switch (line.trim()) {
                    case "stop":
                        return;
                    case "redeploy":
                        redeploy(gateway, directory);
                        break;
                    default:
                        say("failed unknown command: " + line);
                }
            }
        }
    }

    private static void redeploy(EmbeddedGateway gateway, Path directory) {
        try {
            gateway.redeploy(DeploymentFolder.read(directory));
            say("redeployed");
        } catch (GatewayException e) {
            say("failed " + e.getMessage().replace('\n', ' '));
        }
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    /** A folder's own bundle.jar counts for nothing when another jar's mediator is found first. */
    private static void requireFromBundle(Path bundle) throws IOException {
        try {
            Class<?> mediator =
                    Class.forName(MEDIATOR, false, GatewayDriver.class.getClassLoader());
            Path source =
                    Path.of(mediator.getProtectionDomain().getCodeSource().getLocation().getPath());
            if (!source.toRealPath().equals(bundle.toRealPath())) {
                throw new GatewayException(
                        bundle
                                + " is not the jar that "
                                + MEDIATOR
                                + " comes from, which is "
                                + source
                                + "; start the driver through tests/gateway/driver");
            }
        } catch (ClassNotFoundException e) {
            throw new GatewayException(bundle + ": no class " + MEDIATOR, e);
        }
    }
}
