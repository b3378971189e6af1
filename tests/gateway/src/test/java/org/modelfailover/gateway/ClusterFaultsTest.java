package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.modelfailover.gateway.ClusterWorld.Load;
import org.modelfailover.kit.GatewayProcess;
import org.modelfailover.kit.Redis;
import org.modelfailover.kit.Until;

import java.nio.file.Path;
import java.util.List;

/**
 * Three gateways, and each fault of the store, the network and the gateways themselves that an
 * operator has to expect: {@code make test-cluster}, some minutes. In each no client may see an
 * error or wait, and the dead target may see no more probes than one a window while the store
 * answers, one a window and gateway while it does not.
 */
class ClusterFaultsTest {
    private static final long WINDOW = ClusterWorld.SUSPENDED * 1000L;

    @TempDir Path folder;
    private Redis redis;
    private ClusterWorld world;
    private GatewayProcess a;
    private GatewayProcess b;
    private GatewayProcess c;
    private String target;

    @BeforeEach
    void started() {
        assumeTrue(Boolean.getBoolean("gateway.cluster"), "only by make test-cluster");
        redis = Redis.start(folder.resolve("redis"));
        world = new ClusterWorld(folder);
        a = world.startOnALine("a", redis.port());
        b = world.startOnALine("b", redis.port());
        c = world.startOnALine("c", redis.port());
        world.linked();
        target = world.target();
        world.warm(target);
        world.provider.set(target, "delay=200ms~status=429");
    }

    @AfterEach
    void ended() {
        if (world != null) {
            world.close();
            redis.close();
        }
    }

    private void known(List<GatewayProcess> those) {
        those.forEach(
                g -> Until.is("it is known", () -> g.stateOf(target), s -> !s.equals("healthy")));
    }

    private void back() {
        world.provider.set(target, "");
        for (GatewayProcess gateway : List.of(a, b, c)) {
            if (gateway.isAlive()) {
                Until.is("it is back", () -> gateway.stateOf(target), "healthy"::equals);
            }
        }
    }

    /** Lets so many windows pass, and looks at what the dead target got to see. */
    private void probes(Load load, int windows, int most) throws InterruptedException {
        int before = world.calls(target);
        load.forAWhile(windows * (WINDOW + 500));
        int probes = world.calls(target) - before;
        assertTrue(
                probes >= 1 && probes <= most,
                () -> probes + " probes in " + windows + " windows, at most " + most + " are due");
    }

    @Test
    void oneGatewayIsCutOffFromTheStore() throws Exception {
        try (Load load = world.load(target, a, b, c)) {
            known(List.of(a, b, c));
            probes(load, 3, 4);
            world.lines.get(2).cut();
            world.alone(c);
            assertTrue(a.isLinked() && b.isLinked());
            // One for a and b, one for c.
            probes(load, 3, 8);
            world.lines.get(2).mend();
            world.linked();
            probes(load, 3, 4);
            back();
        }
    }

    @Test
    void theNetworkIsSlow() throws Exception {
        try (Load load = world.load(target, a, b, c)) {
            known(List.of(a, b, c));
            world.lines.forEach(line -> line.slow(50));
            probes(load, 3, 4);
            // No answer in time, but one: each decides alone.
            world.lines.forEach(line -> line.slow(300));
            probes(load, 3, 11);
            world.lines.forEach(line -> line.slow(0));
            world.linked();
            back();
        }
    }

    @Test
    void theStoreForgetsEvictsAndIsFull() throws Exception {
        try (Load load = world.load(target, a, b, c)) {
            known(List.of(a, b, c));
            for (int time = 0; time < 5; time++) {
                redis.cli("FLUSHALL");
                load.forAWhile(300);
            }
            redis.cli("CONFIG", "SET", "maxmemory-policy", "allkeys-random");
            redis.cli("CONFIG", "SET", "maxmemory", "1");
            probes(load, 2, 8);
            redis.cli("CONFIG", "SET", "maxmemory", "0");
            redis.cli("CONFIG", "SET", "maxmemory-policy", "noeviction");
            load.forAWhile(1500);
            probes(load, 3, 4);
            redis.cli("CONFIG", "SET", "save", "1 1");
            // Whatever keeps it from saving: it refuses to write from then on.
            redis.loseDisk();
            redis.cli("SET", "x", "1");
            Until.holds("it is full", () -> redis.cli("SET", "x", "2").contains("MISCONF"));
            probes(load, 2, 8);
            redis.cli("CONFIG", "SET", "save", "");
            redis.cli("CONFIG", "SET", "stop-writes-on-bgsave-error", "no");
            load.forAWhile(1500);
            probes(load, 3, 4);
            back();
        }
    }

    @Test
    void theStoreWantsAnotherPassword() throws Exception {
        try (Load load = world.load(target, a, b, c)) {
            known(List.of(a, b, c));
            redis.kill();
            redis.logsInWith("changed");
            redis.begin("--requirepass", "changed");
            world.alone(a, b, c);
            Until.holds(
                    "the page says why",
                    () -> a.cluster().get("error").getAsString().contains("NOAUTH"));
            probes(load, 2, 7);
            redis.cli("CONFIG", "SET", "requirepass", "");
            world.linked();
            back();
        }
    }

    @Test
    void gatewaysDieAndHang() throws Exception {
        try (Load load = world.load(target, a, b)) {
            known(List.of(a, b));
            for (int time = 0; time < 3; time++) {
                world.served(c.ask(target));
                load.forAWhile(300);
            }
            c.pause();
            // It may have had the permit: five seconds.
            load.forAWhile(6000);
            probes(load, 3, 4);
            c.goOn();
            Until.holds("c is linked", c::isLinked);
            c.kill();
            load.forAWhile(6000);
            probes(load, 3, 4);
            back();
        }
    }

    @Test
    void theClockOfOneIsAnHourOff() throws Exception {
        Path library = Path.of(System.getProperty("gateway.faketime", "missing"));
        assumeTrue(library.toFile().isFile(), "there is no libfaketime");
        GatewayProcess late =
                world.start(
                        "late",
                        ClusterWorld.cluster("url = \"" + redis.url() + "\""),
                        "env",
                        "LD_PRELOAD=" + library,
                        "FAKETIME=+1h",
                        "DONT_FAKE_MONOTONIC=1");
        Until.holds("it is linked", late::isLinked);
        try (Load load = world.load(target, a, late)) {
            known(List.of(a, late));
            long left = a.candidate(target).get("suspended_ms").getAsLong();
            assertTrue(left <= WINDOW, () -> left + " ms are left");
            probes(load, 3, 4);
            world.provider.set(target, "");
            Until.is("it is back", () -> late.stateOf(target), "healthy"::equals);
        }
        back();
    }

    @Test
    void aFailoverUnderThreeSentinels() throws Exception {
        Redis replica =
                Redis.start(folder.resolve("replica"), "--replicaof", "127.0.0.1 " + redis.port());
        List<Redis> sentinels =
                List.of(
                        Redis.sentinel(folder.resolve("s1"), redis),
                        Redis.sentinel(folder.resolve("s2"), redis),
                        Redis.sentinel(folder.resolve("s3"), redis));
        try {
            Until.holds(
                    "the sentinels know each other",
                    () ->
                            sentinels.stream()
                                    .map(s -> s.cli("SENTINEL", "MASTER", "models"))
                                    .allMatch(
                                            said ->
                                                    said.contains("num-other-sentinels\n2")
                                                            && said.contains("num-slaves\n1")));
            String urls = "";
            for (Redis sentinel : sentinels) {
                urls += "\"" + sentinel.url() + "\",";
            }
            String settings =
                    ClusterWorld.cluster("url = [" + urls + "]", "sentinel_master = \"models\"");
            GatewayProcess d = world.start("d", settings);
            GatewayProcess e = world.start("e", settings);
            Until.holds("they are linked", () -> d.isLinked() && e.isLinked());
            try (Load load = world.load(target, d, e)) {
                known(List.of(d, e));
                redis.kill();
                world.alone(d, e);
                Until.holds("the replica is the primary", () -> d.isLinked() && e.isLinked());
                probes(load, 3, 4);
                world.provider.set(target, "");
                Until.is("it is back", () -> d.stateOf(target), "healthy"::equals);
                Until.is("it is back", () -> e.stateOf(target), "healthy"::equals);
            }
        } finally {
            sentinels.forEach(Redis::close);
            replica.close();
        }
    }

    @Test
    void aClearOfOneIsEverybodysWhateverIsGoingOn() throws Exception {
        world.provider.set(target, "status=429~retry-after=60");
        world.served(a.ask(target));
        known(List.of(b, c));
        assertEquals(1, world.calls(target));
        world.lines.get(1).cut();
        world.alone(b);
        world.provider.set(target, "");
        c.steer("clear", target);
        Until.is("a has it back", () -> a.stateOf(target), "healthy"::equals);
        assertEquals("suspended", b.stateOf(target), "b can't know");
        world.lines.get(1).mend();
        Until.is("b has it back", () -> b.stateOf(target), "healthy"::equals);
    }
}
