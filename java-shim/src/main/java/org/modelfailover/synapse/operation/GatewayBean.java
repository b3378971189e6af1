package org.modelfailover.synapse.operation;

import org.modelfailover.executor.Executor;

import java.util.LinkedHashMap;
import java.util.Map;

/** The numbers of this gateway. */
final class GatewayBean implements GatewayMXBean {
    private static final String[] RESULTS = {
        "answered", "fell_over", "refused", "failed", "cancelled"
    };

    private static final String CLUSTER = "cluster.";

    private static long number(String name) {
        return OperatorBeans.numbers().getOrDefault(name, 0L);
    }

    @Override
    public Map<String, Long> getRequests() {
        Map<String, Long> requests = new LinkedHashMap<>();
        for (String result : RESULTS) {
            requests.put(result, number(result));
        }
        return requests;
    }

    @Override
    public int getCandidatesOut() {
        return (int)
                OperatorBeans.candidates().values().stream().filter(OperatorBeans::isOut).count();
    }

    @Override
    public long getRetries() {
        return number("retries");
    }

    @Override
    public long getRetriesRefused() {
        return number("retriesRefused");
    }

    @Override
    public long getStreamsContinued() {
        return number("streamsContinued");
    }

    @Override
    public long getStreamsNotContinued() {
        return number("streamsNotContinued");
    }

    @Override
    public long getHeldBytes() {
        return number("heldBytes");
    }

    @Override
    public long getMaxMemory() {
        return number("maxMemory");
    }

    @Override
    public long getMemoryRefusals() {
        return number("memoryRefusals");
    }

    @Override
    public long getOpenCalls() {
        return number("openCalls");
    }

    @Override
    public String getMetricsAddress() {
        return Executor.metricsAddress();
    }

    @Override
    public String getCluster() {
        return Executor.cluster();
    }

    @Override
    public Map<String, Long> getClusterNumbers() {
        Map<String, Long> numbers = new LinkedHashMap<>();
        OperatorBeans.numbers()
                .forEach(
                        (name, number) -> {
                            if (name.startsWith(CLUSTER)) {
                                numbers.put(name.substring(CLUSTER.length()), number);
                            }
                        });
        return numbers;
    }
}
