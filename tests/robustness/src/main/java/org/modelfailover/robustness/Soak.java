package org.modelfailover.robustness;

import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.Client;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.Until;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;

/**
 * Gateways under random faults, by a seed: {@code -Dsoak.seconds=…}, {@code -Dsoak.seed=…}, {@code
 * -Dsoak.page=FILE}. See README.md. The exit status is 1 when anything was wrong.
 */
final class Soak {
    private static final int CLIENTS = 24;

    /** Until everything is loaded, compiled and as large as it gets. */
    private static final int WARM_PERCENT = 30;

    private static final int QUIET_SECONDS = 30;
    private static final int SHOWN = 12;

    private static final long MIB = 1 << 20;
    private static final long MOST_HEAP_GROWTH = 12 * MIB;

    /** The allocator's own pools, one for each thread that ever allocated, settle slowly. */
    private static final long MOST_RESIDENT_GROWTH = 64 * MIB;

    private static final int MOST_THREADS = 6;

    /** The engine's own connections to providers, which it keeps. */
    private static final int MOST_FILES = 40;

    private static final int MOST_GLOBALS = 20;
    private static final int MOST_OBJECTS = 50;

    /** What happens to the gateways meanwhile. */
    private enum Event {
        /** Of one API, which is away for a moment. */
        REDEPLOYMENT,
        /** Of the bundle, while its APIs stay. */
        RESTART,
        /** Of the whole framework: calls under way end. */
        HALT
    }

    /** When requests may be lost. */
    private static final class Window {
        final Event event;
        final int api;
        final long from = System.nanoTime();
        volatile long to = Long.MAX_VALUE;

        Window(Event event, int api) {
            this.event = event;
            this.api = api;
        }
    }

    private final long seed;
    private final int seconds;
    private final Path folder;
    private final Map<SoakClient.Verdict, LongAdder> verdicts =
            new EnumMap<>(SoakClient.Verdict.class);
    private final List<String> faults = new CopyOnWriteArrayList<>();
    private final List<Window> windows = new CopyOnWriteArrayList<>();
    private final Map<Event, LongAdder> events = new EnumMap<>(Event.class);
    private GatewayProcess gateway;
    private List<ProviderProcess> providers;

    private Soak(long seed, int seconds) throws IOException {
        this.seed = seed;
        this.seconds = seconds;
        folder = Files.createTempDirectory("soak-");
        for (SoakClient.Verdict verdict : SoakClient.Verdict.values()) {
            verdicts.put(verdict, new LongAdder());
        }
        for (Event event : Event.values()) {
            events.put(event, new LongAdder());
        }
    }

    /** See the class. */
    public static void main(String[] arguments) {
        int status = 1;
        try {
            long seed = Long.getLong("soak.seed", System.nanoTime() % 1_000_000);
            status = new Soak(seed, Integer.getInteger("soak.seconds", 60)).run() ? 0 : 1;
        } catch (Exception | AssertionError e) {
            e.printStackTrace();
        }
        Runtime.getRuntime().exit(status);
    }

    private boolean run() throws Exception {
        System.out.println("soak: seed " + seed + ", " + seconds + " s, files in " + folder);
        providers = new ArrayList<>();
        Map<String, String> figures;
        try {
            start();
            int warm = seconds * WARM_PERCENT / 100;
            play("warm", warm);
            Footprint before = quiet();
            play("soak", seconds - warm);
            figures = figures(before, quiet());
        } finally {
            if (gateway != null) {
                gateway.close();
            }
            providers.forEach(ProviderProcess::close);
        }
        String table = table(figures);
        System.out.println(table);
        report();
        String page = System.getProperty("soak.page", "");
        if (!page.isEmpty()) {
            Files.writeString(Path.of(page), page(table));
        }
        return faults.isEmpty();
    }

    private void start() throws IOException {
        for (String name : SoakPolicy.PROVIDERS) {
            providers.add(ProviderProcess.start(name));
        }
        List<Path> folders = new ArrayList<>();
        for (int api = 0; api < SoakPolicy.APIS; api++) {
            int version = api + 1;
            TestDeployment deployment =
                    TestDeployment.api("Soak" + version, "1.0.0", "/assistant/" + version);
            for (ProviderProcess provider : providers) {
                deployment
                        .endpoint(provider.name(), provider.url())
                        .headerKey("Authorization", "Bearer sk-soak-" + provider.name());
            }
            deployment.endpoint(SoakPolicy.NOBODY, Client.refusingUrl());
            for (SoakPolicy policy : SoakPolicy.ALL) {
                if (policy.api() == api) {
                    deployment.failover(policy.configs().attributes());
                }
            }
            folders.add(folder.resolve("api-" + version));
            deployment.write(folders.get(api));
        }
        gateway =
                GatewayProcess.start(
                        folder.resolve("gateway.log"),
                        List.of(
                                "-Xcheck:jni",
                                "-Xms512m",
                                "-Xmx512m",
                                "-XX:+AlwaysPreTouch",
                                "-XX:TieredStopAtLevel=1",
                                "-XX:+HeapDumpOnOutOfMemoryError",
                                "-XX:HeapDumpPath=" + folder,
                                "-Dworker_pool_size_core=40",
                                "-Dworker_pool_size_max=60"),
                        folders);
    }

    /** Lets all clients run for a while, and somebody deploy and restart meanwhile. */
    private void play(String phase, int seconds) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        List<Integer> ports = List.of(gateway.port(0), gateway.port(1));
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < CLIENTS; i++) {
            SoakClient client = new SoakClient(ports, phase + i, seed * 1000 + i + phase.length());
            threads.add(new Thread(() -> play(client, end), phase + i));
        }
        threads.add(new Thread(() -> operate(end), "operator"));
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private void play(SoakClient client, long end) {
        while (System.nanoTime() < end && gateway.isAlive()) {
            SoakRequest request = client.next();
            long from = System.nanoTime();
            SoakClient.Result result = client.play(request);
            if (result.verdict().isFault() && isExcused(request, result, from)) {
                result = SoakClient.Result.of(SoakClient.Verdict.EXCUSED);
            }
            verdicts.get(result.verdict()).increment();
            if (result.verdict().isFault()) {
                fault(result.verdict() + " " + request + " " + result.why());
            }
        }
        client.close();
    }

    /** A lost one, never a wrong one, while its API came and went or the framework stopped. */
    private boolean isExcused(SoakRequest request, SoakClient.Result result, long from) {
        long to = System.nanoTime();
        // The engine itself forgets whom an answer is for when its API is deployed anew meanwhile.
        boolean lost =
                result.verdict() == SoakClient.Verdict.LOST
                        || result.verdict() == SoakClient.Verdict.HUNG && isTheEngines(request);
        return lost
                && windows.stream()
                        .filter(window -> window.from < to && window.to > from)
                        .anyMatch(
                                window ->
                                        window.event == Event.HALT
                                                || window.event == Event.REDEPLOYMENT
                                                        && window.api == request.policy.api()
                                                        && mayBeLost(request, result));
    }

    /** What is inside when its API is redeployed goes on; what is the engine's may break. */
    private static boolean mayBeLost(SoakRequest request, SoakClient.Result result) {
        return result.why().startsWith("another status: 404") || isTheEngines(request);
    }

    private static boolean isTheEngines(SoakRequest request) {
        return request.kind == SoakRequest.Kind.OTHER_MODEL
                || request.kind == SoakRequest.Kind.BROKEN;
    }

    private void operate(long end) {
        Random random = new Random(seed);
        while (true) {
            long pause = TimeUnit.MILLISECONDS.toNanos(300 + random.nextInt(3000));
            if (System.nanoTime() + pause > end || !gateway.isAlive()) {
                return;
            }
            LockSupport.parkNanos(pause);
            int dice = random.nextInt(8);
            Event event = dice == 0 ? Event.HALT : dice < 3 ? Event.RESTART : Event.REDEPLOYMENT;
            Window window = new Window(event, random.nextInt(SoakPolicy.APIS));
            windows.add(window);
            try {
                gateway.tell(
                        event == Event.HALT
                                ? "halt"
                                : event == Event.RESTART ? "restart" : "redeploy " + window.api);
            } catch (AssertionError e) {
                fault("LOST the gateway's process: " + e.getMessage());
                return;
            }
            window.to = System.nanoTime();
            events.get(event).increment();
            providers.forEach(ProviderProcess::forget);
        }
    }

    /** Waits until nothing is under way, lets everything go that may go, and measures the rest. */
    private Footprint quiet() {
        int calls =
                Until.orLast(
                        Duration.ofSeconds(QUIET_SECONDS),
                        Duration.ofMillis(20),
                        gateway::openCalls,
                        open -> open == 0);
        if (calls > 0) {
            fault("LEFT OVER " + calls + " native calls " + QUIET_SECONDS + " s after the last");
        }
        gateway.tell("halt");
        LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(2));
        return gateway.footprint();
    }

    private Map<String, String> figures(Footprint before, Footprint after) {
        Map<String, String> figures = new LinkedHashMap<>();
        long requests = verdicts.values().stream().mapToLong(LongAdder::sum).sum();
        figures.put("requests", String.valueOf(requests));
        figures.put("whole answers, to the letter", sum(SoakClient.Verdict.WHOLE));
        figures.put("streams that broke and were continued", sum(SoakClient.Verdict.CONTINUED));
        figures.put("refused, as the request deserved", sum(SoakClient.Verdict.REFUSED));
        figures.put("failed, as no candidate could serve", sum(SoakClient.Verdict.FAILED));
        figures.put("left by their clients", sum(SoakClient.Verdict.LEFT));
        figures.put("lost to a redeployment or halt", sum(SoakClient.Verdict.EXCUSED));
        figures.put("redeployments of an API", events.get(Event.REDEPLOYMENT).toString());
        figures.put("restarts of the bundle", events.get(Event.RESTART).toString());
        figures.put("halts of the framework", events.get(Event.HALT).toString());
        figures.put("**wrong answers**", sum(SoakClient.Verdict.WRONG));
        figures.put("**truncated ones passed as whole**", sum(SoakClient.Verdict.TRUNCATED));
        figures.put("**hangs**", sum(SoakClient.Verdict.HUNG));
        figures.put("**errors without a cause**", sum(SoakClient.Verdict.LOST));
        grown(figures, "heap", before.heap(), after.heap(), MOST_HEAP_GROWTH, MIB, " MiB");
        grown(
                figures,
                "memory beside the heap",
                before.resident(),
                after.resident(),
                MOST_RESIDENT_GROWTH,
                MIB,
                " MiB");
        grown(figures, "threads", before.threads(), after.threads(), MOST_THREADS, 1, "");
        grown(figures, "open files", before.files(), after.files(), MOST_FILES, 1, "");
        grown(figures, "JNI references", before.globals(), after.globals(), MOST_GLOBALS, 1, "");
        objects(figures, before.objects(), after.objects());
        log(figures);
        return figures;
    }

    private String sum(SoakClient.Verdict verdict) {
        return String.valueOf(verdicts.get(verdict).sum());
    }

    private void grown(
            Map<String, String> figures,
            String what,
            long before,
            long after,
            long most,
            long unit,
            String unitName) {
        String told = before / unit + " → " + after / unit + unitName;
        figures.put(what + ", before → after", told);
        if (after - before > most) {
            fault("GROWN " + what + ": " + told + ", at most " + most / unit + unitName + " more");
        }
    }

    private void objects(
            Map<String, String> figures, Map<String, Long> before, Map<String, Long> after) {
        long all = 0;
        for (String name : new TreeSet<>(after.keySet())) {
            long more = after.get(name) - before.getOrDefault(name, 0L);
            all += after.get(name);
            if (more > MOST_OBJECTS) {
                fault("GROWN objects of " + name + ": " + more + " more");
            }
        }
        long first = before.values().stream().mapToLong(Long::longValue).sum();
        figures.put("live objects of the policy, before → after", first + " → " + all);
    }

    /** What the JVM and the gateway had to say. */
    private void log(Map<String, String> figures) {
        List<String> warnings = gateway.noise().stream().filter(Soak::isOfCheckedJni).toList();
        figures.put("warnings of -Xcheck:jni", String.valueOf(warnings.size()));
        if (!warnings.isEmpty()) {
            fault("JNI " + String.join("\n", gateway.noise()));
        }
        List<String> traces =
                gateway.logged().stream()
                        .filter(entry -> entry.contains(" ERROR ") || entry.contains("Error"))
                        .filter(entry -> entry.contains("\n"))
                        .toList();
        List<String> ours = traces.stream().filter(e -> e.contains("org.modelfailover.")).toList();
        figures.put("ERROR lines with the policy in their stack trace", "" + ours.size());
        figures.put("of the engine alone", "" + (traces.size() - ours.size()));
        ours.forEach(entry -> fault("LOGGED " + entry));
    }

    /** A JVM warns of other things too, of {@code loadLibrary} since JDK 24. */
    private static boolean isOfCheckedJni(String line) {
        return line.startsWith("WARNING in native method")
                || line.startsWith("WARNING: JNI")
                || line.contains("FATAL ERROR in native method");
    }

    private void fault(String what) {
        faults.add(what);
    }

    private static String table(Map<String, String> figures) {
        StringBuilder table = new StringBuilder("| | |\n|---|---|\n");
        figures.forEach((what, figure) -> table.append("| " + what + " | " + figure + " |\n"));
        return table.toString();
    }

    private void report() throws IOException {
        if (faults.isEmpty()) {
            System.out.println("soak: nothing was wrong");
            return;
        }
        Path all = folder.resolve("faults.txt");
        // A text that was cut in the middle of a character is no string.
        Files.write(all, String.join("\n\n", faults).getBytes(StandardCharsets.UTF_8));
        faults.stream()
                .limit(SHOWN)
                .map(fault -> fault.length() > 1200 ? fault.substring(0, 1200) + "…" : fault)
                .forEach(System.out::println);
        System.out.printf(
                "soak: %d faults, all in %s; the gateway's log is beside it.%n"
                        + "Again, with the same requests: %s%n",
                faults.size(), all, command());
    }

    private String command() {
        String minutes = seconds % 60 == 0 ? "" + seconds / 60 : "" + seconds / 60.0;
        return "make soak MINUTES=" + minutes + " SEED=" + seed;
    }

    private String page(String table) throws IOException {
        try (var in = Soak.class.getResourceAsStream("/soak.md")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .replace("@date@", LocalDate.now().toString())
                    .replace("@machine@", Machine.description())
                    .replace("@clients@", String.valueOf(CLIENTS))
                    .replace("@command@", command() + " WRITE=1")
                    .replace("@table@", table.strip());
        }
    }
}
