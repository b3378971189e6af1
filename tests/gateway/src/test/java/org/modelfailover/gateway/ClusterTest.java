package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.modelfailover.gateway.ClusterWorld.Load;
import org.modelfailover.kit.GatewayProcess;
import org.modelfailover.kit.Redis;
import org.modelfailover.kit.Until;

import java.nio.file.Path;

/**
 * Two gateways that share suspensions through a Redis ({@code behaviour.md} §4): what they know of
 * each other, what the dead target gets to see of them, and that no client notices what becomes of
 * the Redis. What takes longer is in {@link ClusterFaultsTest}.
 */
class ClusterTest {
    @TempDir static Path folder;
    private static Redis redis;
    private static ClusterWorld world;
    private static GatewayProcess a;
    private static GatewayProcess b;

    @BeforeAll
    static void started() {
        boolean there = Redis.programs().isPresent();
        assertTrue(there || System.getenv("REDIS_REQUIRED") == null, "there must be a Redis");
        assumeTrue(there, "there is no Redis on this machine (tools/redis.sh build/redis)");
        redis = Redis.start(folder.resolve("redis"));
        world = new ClusterWorld(folder);
        a = world.start("a", ClusterWorld.cluster("url = \"" + redis.url() + "\""));
        b = world.start("b", ClusterWorld.cluster("url = \"" + redis.url() + "\""));
        world.linked();
    }

    @AfterAll
    static void ended() {
        if (world != null) {
            world.close();
            redis.close();
        }
    }

    private static String dead() {
        String target = world.target();
        world.warm(target);
        world.provider.set(target, "status=429");
        return target;
    }

    /** A gateway that has not had a request for the model yet. */
    @Test
    void aGatewayKnowsBeforeItsFirstRequest() {
        String target = world.target();
        world.provider.set(target, "status=429~retry-after=60");
        world.served(a.ask(target));
        Until.holds("all is told", () -> a.cluster().get("backlog").getAsLong() == 0);
        assertEquals("unknown", b.stateOf(target));
        world.served(b.ask(target));
        assertEquals(1, world.calls(target), "not even its first request goes there");
    }

    @Test
    void whatOneGatewayHasFoundOutTheOtherKnows() {
        String target = world.target();
        world.warm(target);
        world.provider.set(target, "status=429~retry-after=60");
        world.served(a.ask(target));
        assertEquals(1, world.calls(target));
        Until.is("b knows", () -> b.stateOf(target), "suspended"::equals);

        for (int request = 0; request < 10; request++) {
            world.served(b.ask(target));
        }
        assertEquals(1, world.calls(target), "b calls nobody of whom a knows that he is away");
        String why = b.candidate(target).get("why").getAsString();
        assertTrue(why.startsWith("suspended by a#"), why);
        assertTrue(b.metrics().contains("model_failover_cluster_up 1"), "metrics show the link");

        b.steer("clear", target);
        Until.is("a has it cleared", () -> a.stateOf(target), "healthy"::equals);
        a.steer("hold", target);
        Until.is("b holds it", () -> b.stateOf(target), "held"::equals);
        b.steer("release", target);
        Until.is("a has released it", () -> a.stateOf(target), "healthy"::equals);
    }

    @Test
    void oneProbeForEachWindowAndAnAnswerBringsItBackEverywhere() throws Exception {
        String target = dead();
        world.served(a.ask(target));
        Until.is("b knows", () -> b.stateOf(target), "suspended"::equals);
        // Slow, so that two at a time would be seen.
        world.provider.set(target, "delay=300ms~status=429");
        int windows = 3;
        try (Load load = world.load(target, a, b)) {
            load.forAWhile(windows * (ClusterWorld.SUSPENDED * 1000L + 500));
            int probes = world.calls(target) - 1;
            assertTrue(
                    probes >= 1 && probes <= windows,
                    () -> probes + " probes in " + windows + " windows");
            assertEquals(1, world.together(target, 280), "one probe at a time");
            world.provider.set(target, "");
            Until.is("a has it back", () -> a.stateOf(target), "healthy"::equals);
            Until.is("b has it back", () -> b.stateOf(target), "healthy"::equals);
        }
        assertEquals(0L, b.cluster().get("collisions").getAsLong());
    }

    @Test
    void noClientNoticesThatTheStoreIsKilledAndProbesAreOneANode() throws Exception {
        String target = dead();
        try (Load load = world.load(target, a, b)) {
            Until.is("both know", () -> b.stateOf(target) + a.stateOf(target), both("suspended"));
            redis.kill();
            world.alone(a, b);
            int before = world.calls(target);
            load.forAWhile(2 * (ClusterWorld.SUSPENDED * 1000L + 200));
            int probes = world.calls(target) - before;
            assertTrue(probes >= 1 && probes <= 6, () -> probes + " probes of two that are alone");
            redis.begin();
            world.linked();
            world.provider.set(target, "");
            Until.is("it is back", () -> a.stateOf(target) + b.stateOf(target), both("healthy"));
        }
    }

    @Test
    void noClientNoticesThatTheStoreHangs() throws Exception {
        String target = dead();
        try (Load load = world.load(target, a, b)) {
            Until.is("both know", () -> b.stateOf(target) + a.stateOf(target), both("suspended"));
            redis.pause();
            load.forAWhile(ClusterWorld.SUSPENDED * 1000L + 1500);
            world.alone(a, b);
            redis.goOn();
            world.linked();
            redis.cli("CLIENT", "PAUSE", "1500");
            load.forAWhile(1500);
            redis.cli("FLUSHALL");
            world.linked();
            world.provider.set(target, "");
            Until.is("it is back", () -> a.stateOf(target) + b.stateOf(target), both("healthy"));
        }
    }

    /** It is the last that is asked of that one. */
    @Test
    void aPermitIsNotLostWithTheGatewayThatHasIt() throws Exception {
        GatewayProcess c = world.start("c", ClusterWorld.cluster("url = \"" + redis.url() + "\""));
        Until.holds("c is linked", c::isLinked);
        String target = dead();
        world.served(c.ask(target));
        world.provider.set(target, "silent");
        Until.is("its time is over", () -> c.stateOf(target), state -> !state.equals("suspended"));
        Until.holds(
                "c probes",
                () -> {
                    Thread asking = new Thread(() -> c.ask(target), "asking");
                    asking.setDaemon(true);
                    asking.start();
                    Thread.sleep(50);
                    return world.calls(target) == 2;
                });
        c.kill();
        assertFalse(a.stateOf(target).equals("healthy"));
        world.provider.set(target, "");
        try (Load load = world.load(target, a, b)) {
            Until.is("it is back", () -> a.stateOf(target) + b.stateOf(target), both("healthy"));
            load.forAWhile(300);
        }
    }

    @Test
    void aStoreThatIsNamedWronglyIsAnErrorAndTheGatewayGoesOnAlone() throws Exception {
        GatewayProcess d = world.start("d", ClusterWorld.cluster("url = \"http://redis\""));
        String target = dead();
        world.served(d.ask(target));
        assertTrue(d.state().getAsJsonObject("health").get("cluster").isJsonNull());
        String log = java.nio.file.Files.readString(folder.resolve("d/gateway.log"));
        assertTrue(
                log.contains("ERROR") && log.contains("apim.ai.model_failover.cluster.url"), log);
    }

    private static java.util.function.Predicate<String> both(String state) {
        return (state + state)::equals;
    }
}
