package org.modelfailover.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.List;

/** Bedrock's names have characters that the SDK encodes in the path, and the policy compares. */
@ExtendWith(SdkGateway.Resolver.class)
class BedrockNamesTest {
    /** The target answers 503. */
    static final List<String> NAMES =
            List.of(
                    "anthropic.claude-sonnet-4-20250514-v1:0",
                    "arn:aws:bedrock:us-east-1:111122223333:inference-profile/eu.some.model-v1:0",
                    "imported-model-v1:0:28k");

    @ParameterizedTest
    @MethodSource("names")
    void aNameThatIsEncodedInThePathFailsOver(String name, SdkGateway gateway) throws Exception {
        String answer = new BedrockConverse(gateway.url()).ask(name, "Hello");
        assertEquals("Provider simulated served " + name + ". You said: Hello", answer);
    }

    static List<String> names() {
        return NAMES;
    }
}
