package org.modelfailover.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.google.gson.JsonParser;

import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.ExtendWith;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Consumer;

/**
 * Every SDK through every fault, streamed and not: the end is the whole answer or the SDK's own
 * exception, and never a part of the answer that looks like all of it.
 */
@ExtendWith(SdkGateway.Resolver.class)
class FaultsTest {
    private static final Map<String, Maker> SDKS = new LinkedHashMap<>();

    static {
        SDKS.put("openai-java chat", OpenAiChat::new);
        SDKS.put("openai-java completions", OpenAiCompletions::new);
        SDKS.put("openai-java responses", OpenAiResponses::new);
        SDKS.put("anthropic-java", AnthropicMessages::new);
        SDKS.put("google-genai", GeminiContent::new);
        SDKS.put("bedrock converse", BedrockConverse::new);
        SDKS.put("bedrock invoke", BedrockInvoke::new);
        SDKS.put("python openai", PythonOpenAi::new);
    }

    private interface Maker {
        Sdk make(String url) throws IOException;
    }

    @TestFactory
    List<DynamicContainer> sdks(SdkGateway gateway) throws IOException {
        List<DynamicContainer> sdks = new ArrayList<>();
        for (Map.Entry<String, Maker> sdk : SDKS.entrySet()) {
            if (chosen("sdk", sdk.getKey())) {
                List<DynamicTest> faults = faults(sdk.getValue().make(gateway.url()));
                assertFalse(faults.isEmpty(), "no fault's name contains what -Dfault says");
                sdks.add(dynamicContainer(sdk.getKey(), faults));
            }
        }
        assertFalse(sdks.isEmpty(), "no SDK's name contains what -Dsdk says");
        return sdks;
    }

    private static List<DynamicTest> faults(Sdk sdk) {
        List<DynamicTest> tests = new ArrayList<>();
        for (Fault fault : Fault.values()) {
            if (sdk.knows(fault) && chosen("fault", fault.model())) {
                add(tests, ", in one piece", fault, fault.asked(), sdk, FaultsTest::ask);
                add(tests, ", streamed", fault, fault.streamed(), sdk, Sdk::stream);
            }
        }
        return tests;
    }

    private static void ask(Sdk sdk, String model, String question, Consumer<String> text)
            throws Exception {
        text.accept(sdk.ask(model, question));
    }

    private static boolean chosen(String property, String name) {
        String part = System.getProperty(property, "");
        return name.toLowerCase(Locale.ROOT).contains(part.toLowerCase(Locale.ROOT));
    }

    private interface Call {
        void make(Sdk sdk, String model, String question, Consumer<String> text) throws Exception;
    }

    private static void add(
            List<DynamicTest> tests, String how, Fault fault, End expected, Sdk sdk, Call call) {
        if (expected != null) {
            tests.add(
                    dynamicTest(
                            fault.model() + how,
                            () -> {
                                if (fault == Fault.ALL_SUSPENDED) {
                                    outcome(sdk, fault, call);
                                }
                                judge(expected, outcome(sdk, fault, call), fault, sdk);
                            }));
        }
    }

    /** The text that came, and what was thrown after it, if anything was. */
    private record Outcome(String text, Exception thrown) {}

    private static Outcome outcome(Sdk sdk, Fault fault, Call call) {
        StringBuffer text = new StringBuffer();
        try {
            call.make(sdk, fault.model(), Fault.QUESTION, text::append);
            return new Outcome(text.toString(), null);
        } catch (Exception e) {
            return new Outcome(text.toString(), e);
        }
    }

    private static void judge(End expected, Outcome outcome, Fault fault, Sdk sdk) {
        if (outcome.thrown() == null) {
            assertWhole(fault, outcome.text());
        }
        if (expected instanceof End.Whole) {
            assertNull(outcome.thrown(), () -> "should have got the whole answer: " + outcome);
            return;
        }
        assertNotNull(outcome.thrown(), "should have thrown; got the whole answer");
        if (expected instanceof End.Status status) {
            OptionalInt code = sdk.status(outcome.thrown());
            assertTrue(
                    code.isPresent() && status.codes().contains(code.getAsInt()),
                    () -> code + ", not one of " + status.codes() + ": " + outcome.thrown());
            assertEquals("", outcome.text(), "text before an HTTP error");
        } else {
            assertTrue(
                    sdk.isBrokenStream(outcome.thrown()),
                    () -> "should be the exception for a broken stream: " + outcome.thrown());
            if (!fault.isToolCall()) {
                assertTrue(
                        !outcome.text().isEmpty() && fault.answer().startsWith(outcome.text()),
                        () -> "should be the answer's beginning: " + outcome.text());
            }
        }
    }

    private static void assertWhole(Fault fault, String text) {
        String message = "ended without an exception, so this is taken for the whole answer";
        if (fault.isToolCall()) {
            assertEquals(
                    JsonParser.parseString(fault.answer()), JsonParser.parseString(text), message);
        } else {
            assertEquals(fault.answer(), text, message);
        }
    }
}
