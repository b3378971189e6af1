package org.modelfailover.jni;

import com.google.common.cache.Cache;
import com.google.common.cache.CacheBuilder;

import io.github.resilience4j.circuitbreaker.CircuitBreaker;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * What other circuit breakers of the JVM take of a call that is answered: may it be made, and that
 * it was answered; and what the built-in policy asks of its cache.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Benchmark)
public class Breakers {
    private final CircuitBreaker resilience4j = CircuitBreaker.ofDefaults("provider");

    private final dev.failsafe.CircuitBreaker<Object> failsafe =
            dev.failsafe.CircuitBreaker.ofDefaults();

    private final Map<String, Cache<String, Long>> suspended = new ConcurrentHashMap<>();
    private final String api = "Assistant-1.0.0";
    private final String endpoint = "default_production_endpoint";
    private final String model = "gpt-4o";

    /** resilience4j, with its defaults. */
    @Benchmark
    public boolean resilience4j() {
        boolean may = resilience4j.tryAcquirePermission();
        resilience4j.onSuccess(1, TimeUnit.MILLISECONDS);
        return may;
    }

    /** Failsafe, with its defaults. */
    @Benchmark
    public boolean failsafe() {
        boolean may = failsafe.tryAcquirePermit();
        failsafe.recordSuccess();
        return may;
    }

    /**
     * A Guava cache for each API, with the end of each suspension by endpoint and model, for an
     * hour at most: as the built-in policy looks whether its target is suspended.
     */
    @Benchmark
    public Long guavaCache() {
        Cache<String, Long> cache =
                suspended.computeIfAbsent(
                        api,
                        name ->
                                CacheBuilder.newBuilder()
                                        .expireAfterWrite(Duration.ofHours(1))
                                        .build());
        return cache.getIfPresent(endpoint + "_" + model);
    }
}
