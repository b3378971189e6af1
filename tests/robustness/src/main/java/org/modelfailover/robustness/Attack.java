package org.modelfailover.robustness;

import org.modelfailover.kit.Until;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Plays each of {@link Attacks} against a gateway with the policy and against one without it, while
 * innocent callers are served by both. {@code -Dattack.only=<part of a name>}, {@code
 * -Dattack.page=FILE}. The exit status is 1 when one of them did any harm.
 */
final class Attack {
    private static final int UNDISTURBED_SECONDS = 3;
    private static final int ATTACK_SECONDS = 6;
    private static final int RECOVERY_SECONDS = 10;

    /** On a machine that gateway, providers, attackers and callers share, less is noise. */
    private static final double FLOOR_MILLIS = 20;

    private static final double MOST_TIMES = 3;
    private static final double NOISE = 1.3;

    /** The heap, what may be held beside it, code and classes. */
    private static final int MOST_MIB = AttackedApis.HEAP_MIB + 448;

    /** What came of an attack on one of the gateways. */
    private record Side(
            Innocents.Seen before, Innocents.Seen during, long peak, List<String> complaints) {}

    private final Path folder = Files.createTempDirectory("attack-");
    private final AttackedApis apis = new AttackedApis(folder);
    private GatewayProcess with;
    private GatewayProcess without;

    private Attack() throws IOException {}

    /** See the class. */
    public static void main(String[] arguments) {
        int status = 1;
        try {
            status = new Attack().run() ? 0 : 1;
        } catch (Exception | AssertionError e) {
            e.printStackTrace();
        }
        Runtime.getRuntime().exit(status);
    }

    private boolean run() throws Exception {
        String only = System.getProperty("attack.only", "");
        boolean harmless = true;
        StringBuilder table = new StringBuilder();
        try {
            for (Attacks.Attack attack : Attacks.all()) {
                if (!attack.name().contains(only)) {
                    continue;
                }
                Side plain = side(attack, false);
                Side policy = side(attack, true);
                List<String> harm = harm(plain, policy);
                harmless &= harm.isEmpty();
                String row =
                        String.format(
                                "| %s: %s | %s | %s | %s | %s | %d MiB | %s |",
                                attack.name(),
                                attack.what(),
                                plain.before.told(),
                                plain.during.told(),
                                policy.before.told(),
                                policy.during.told(),
                                policy.peak >> 20,
                                harm.isEmpty() ? "harmless" : "**HARM**");
                table.append(row).append('\n');
                System.out.println(row);
                harm.stream().limit(5).forEach(what -> System.out.println("    " + what));
            }
        } finally {
            close(with);
            close(without);
            apis.close();
        }
        System.out.println(harmless ? "attack: no harm done" : "attack: HARM; logs in " + folder);
        String page = System.getProperty("attack.page", "");
        if (!page.isEmpty() && only.isEmpty()) {
            Files.writeString(Path.of(page), page(table.toString()));
        }
        return harmless;
    }

    /** A gateway that did not survive the last attack is another one's chance. */
    private GatewayProcess gateway(boolean policy) throws IOException {
        GatewayProcess now = policy ? with : without;
        if (now != null && now.isAlive() && Innocents.askOnce(now.port(0)) == null) {
            return now;
        }
        close(now);
        GatewayProcess fresh = policy ? apis.withPolicy() : apis.withoutPolicy();
        if (policy) {
            with = fresh;
        } else {
            without = fresh;
        }
        warm(fresh);
        return fresh;
    }

    private static void warm(GatewayProcess gateway) {
        Innocents warming = new Innocents(gateway.port(0));
        LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(4));
        warming.close();
    }

    private static void close(GatewayProcess gateway) {
        if (gateway != null) {
            gateway.close();
        }
    }

    private Side side(Attacks.Attack attack, boolean policy) throws Exception {
        GatewayProcess gateway = gateway(policy);
        int innocentsPort = gateway.port(0);
        int evilPort = gateway.port(policy || attack.anywhere() ? 0 : 1);
        Attacks.Target target = new Attacks.Target(gateway, evilPort, policy, apis.good);
        apis.good.forget();
        int logged = gateway.logged().size();
        List<String> complaints = new ArrayList<>();
        long[] peak = {0};
        long begin = System.nanoTime();
        long attacked = begin + TimeUnit.SECONDS.toNanos(UNDISTURBED_SECONDS);
        Innocents.Seen before;
        Innocents.Seen during;
        Thread watch = watch(gateway, peak);
        try (Innocents innocents = new Innocents(innocentsPort)) {
            Pace.sleepUntil(attacked);
            long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(ATTACK_SECONDS);
            try {
                complaints.addAll(attack.action().run(target, until));
            } catch (AssertionError e) {
                complaints.add(String.valueOf(e.getMessage()));
            }
            long ended = System.nanoTime();
            before = innocents.between(begin, attacked);
            during = innocents.between(attacked, Math.max(ended, attacked + 1));
        } finally {
            watch.interrupt();
            watch.join();
        }
        if (attack.name().equals("redeployments")) {
            during.wrong().removeIf(answer -> answer.startsWith("404"));
        }
        recover(gateway, logged, complaints);
        if (!complaints.isEmpty() || peak[0] >> 20 > MOST_MIB) {
            // The next attack is one on a gateway that is well.
            gateway.close();
        }
        return new Side(before, during, peak[0], complaints);
    }

    private static Thread watch(GatewayProcess gateway, long[] peak) {
        Thread watch =
                new Thread(
                        () -> {
                            while (!Thread.currentThread().isInterrupted()) {
                                peak[0] = Math.max(peak[0], gateway.resident());
                                LockSupport.parkNanos(50_000_000);
                            }
                        },
                        "watch");
        watch.start();
        return watch;
    }

    private static void recover(GatewayProcess gateway, int logged, List<String> complaints) {
        String wrong =
                Until.orLast(
                        Duration.ofSeconds(RECOVERY_SECONDS),
                        Duration.ofMillis(200),
                        () -> Innocents.askOnce(gateway.port(0)),
                        Objects::isNull);
        if (wrong != null) {
            complaints.add("afterwards nobody is served: " + wrong);
        }
        if (!gateway.isAlive()) {
            complaints.add("the gateway's process has ended: " + gateway.noise());
        } else if (gateway.logged().stream()
                .skip(logged)
                .anyMatch(entry -> entry.contains("OutOfMemoryError"))) {
            complaints.add("OutOfMemoryError");
        }
    }

    private static List<String> harm(Side plain, Side side) {
        List<String> harm = new ArrayList<>(side.complaints);
        side.during.wrong().stream().distinct().limit(3).forEach(harm::add);
        double undisturbed = MOST_TIMES * Math.max(FLOOR_MILLIS, side.before.p99());
        // What the engine alone does to them, more or less.
        double most = Math.max(undisturbed, plain.during.p99() * NOISE);
        if (side.during.p99() > most) {
            harm.add(String.format("p99 %.1f ms, at most %.1f", side.during.p99(), most));
        }
        long mib = side.peak >> 20;
        if (mib > MOST_MIB) {
            harm.add(mib + " MiB resident, at most " + MOST_MIB);
        }
        return harm;
    }

    private static String page(String table) throws IOException {
        try (var in = Attack.class.getResourceAsStream("/attack.md")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .replace("@date@", LocalDate.now().toString())
                    .replace("@machine@", Machine.description())
                    .replace("@heap@", String.valueOf(AttackedApis.HEAP_MIB))
                    .replace("@bound@", String.valueOf(MOST_MIB))
                    .replace("@table@", table.strip());
        }
    }
}
