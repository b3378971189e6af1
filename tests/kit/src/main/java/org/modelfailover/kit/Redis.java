package org.modelfailover.kit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A Redis on a free port of this machine, with nothing on disk but what it is told to save. It ends
 * when it is closed.
 *
 * <p>The programs are in the folder that the system property {@code gateway.redis} or the variable
 * {@code REDIS} names, on the path, or where {@code tools/redis.sh build/redis} has put them.
 */
public final class Redis implements AutoCloseable {
    private final Path programs;
    private final List<String> command;
    private final int port;
    private final Path folder;
    private final List<String> login = new ArrayList<>();
    private Process process;

    private Redis(Path programs, String program, int port, Path folder, List<String> options) {
        this.programs = programs;
        this.port = port;
        this.folder = folder;
        command = new ArrayList<>(List.of(programs.resolve(program).toString()));
        command.addAll(options);
    }

    /** Where the programs are; empty where there are none. */
    public static Optional<Path> programs() {
        Stream<String> named =
                Stream.of(System.getProperty("gateway.redis", ""), env("REDIS"), env("PATH"))
                        .flatMap(folders -> Stream.of(folders.split(":")));
        Stream<Path> unpacked =
                Stream.iterate(Path.of("").toAbsolutePath(), at -> at != null, Path::getParent)
                        .map(at -> at.resolve("build/redis/bin"));
        return Stream.concat(named.filter(f -> !f.isEmpty()).map(Path::of), unpacked)
                .filter(folder -> Files.isExecutable(folder.resolve("redis-server")))
                .findFirst();
    }

    private static String env(String name) {
        return System.getenv().getOrDefault(name, "");
    }

    /** Starts one and waits until it answers. */
    public static Redis start(Path folder, String... options) {
        return start("redis-server", folder, options);
    }

    /** Starts a sentinel that watches a primary by the name {@code models}. */
    public static Redis sentinel(Path folder, Redis primary) {
        Path file = folder.resolve("sentinel-" + System.nanoTime() + ".conf");
        try {
            Files.createDirectories(folder);
            Files.writeString(
                    file,
                    "sentinel monitor models 127.0.0.1 "
                            + primary.port
                            + " 2\nsentinel down-after-milliseconds models 500\n"
                            + "sentinel failover-timeout models 3000\n");
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return start("redis-sentinel", folder, file.toString());
    }

    private static Redis start(String program, Path folder, String... options) {
        Path programs = programs().orElseThrow(() -> new AssertionError("there is no Redis"));
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        Redis redis = new Redis(programs, program, Client.freePort(), folder, List.of(options));
        redis.begin();
        return redis;
    }

    /** Starts it, again, with further options. */
    public void begin(String... further) {
        List<String> all = new ArrayList<>(command);
        all.addAll(List.of("--port", String.valueOf(port), "--bind", "127.0.0.1"));
        all.addAll(List.of("--save", "", "--dir", folder.toString()));
        all.addAll(List.of("--enable-debug-command", "yes"));
        all.addAll(List.of(further));
        try {
            process =
                    new ProcessBuilder(all)
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        Until.holds("redis answers", () -> cli("PING").contains("PONG"));
    }

    public int port() {
        return port;
    }

    public String url() {
        return "redis://127.0.0.1:" + port;
    }

    /** Its password from now on, for {@link #cli}. */
    public void logsInWith(String password) {
        login.clear();
        login.addAll(List.of("-a", password));
    }

    /** What redis-cli prints for a command. */
    public String cli(String... words) {
        List<String> all = new ArrayList<>();
        all.add(programs.resolve("redis-cli").toString());
        all.addAll(List.of("-p", String.valueOf(port), "--no-auth-warning"));
        all.addAll(login);
        all.addAll(List.of(words));
        try {
            Process cli = new ProcessBuilder(all).redirectErrorStream(true).start();
            String said = new String(cli.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            cli.waitFor(10, TimeUnit.SECONDS);
            return said.trim();
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    /** Stops it where it is: it neither answers nor closes. */
    public void pause() {
        Signal.send(process.pid(), "STOP");
    }

    public void goOn() {
        Signal.send(process.pid(), "CONT");
    }

    /** From now on it can't save. */
    public void loseDisk() {
        try (Stream<Path> files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** As kill -9 does. */
    public void kill() {
        process.destroyForcibly();
        process.onExit().join();
    }

    @Override
    public void close() {
        kill();
    }
}
