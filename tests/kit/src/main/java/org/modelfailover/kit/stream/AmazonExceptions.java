package org.modelfailover.kit.stream;

import java.util.Set;
import java.util.function.BiConsumer;

/**
 * What Bedrock's two streams may end in (API reference, "ResponseStream" and
 * "ConverseStreamOutput").
 */
final class AmazonExceptions {
    private static final Set<String> KNOWN =
            Set.of(
                    "internalServerException",
                    "modelStreamErrorException",
                    "modelTimeoutException",
                    "serviceUnavailableException",
                    "throttlingException",
                    "validationException");

    private AmazonExceptions() {}

    static void check(String name, BiConsumer<Boolean, String> require) {
        require.accept(KNOWN.contains(name), "an exception of no known type: " + name);
    }
}
