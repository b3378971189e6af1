package org.modelfailover.gateway;

import org.junit.jupiter.api.BeforeEach;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;

/**
 * Tests with two providers: the policy's target is the endpoint {@code two}; {@code one} is the
 * API's default, to which goes what is not the policy's.
 */
abstract class TargetElsewhere extends GatewayTest {
    ProviderProcess standard;
    ProviderProcess target;

    @BeforeEach
    final void providers() {
        standard = provider("standard");
        target = provider("target");
    }

    final void deployWithTargetElsewhere() {
        deploy(api(standard, target), FailoverConfigs.target("gpt-4o", "two"));
    }

    /** Posts a body with its length, on a new connection. */
    final RawClient.Answer send(byte[] body, String... headers) {
        return client().send(RawClient.head(headers) + "Content-Length: " + body.length + "\n\n")
                .send(body)
                .answer();
    }
}
