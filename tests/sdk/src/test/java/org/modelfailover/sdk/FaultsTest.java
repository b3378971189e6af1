package org.modelfailover.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
import java.util.stream.Stream;

/**
 * Every SDK through every fault, streamed and not: the end is the whole answer or the SDK's own
 * exception, and never a part of the answer that looks like all of it.
 */
@ExtendWith(World.Resolver.class)
class FaultsTest {
    @TestFactory
    Stream<DynamicContainer> sdks(World world) throws IOException {
        Map<String, Sdk> sdks = new LinkedHashMap<>();
        sdks.put("openai-java chat", new OpenAiChat(world.url()));
        sdks.put("openai-java completions", new OpenAiCompletions(world.url()));
        sdks.put("openai-java responses", new OpenAiResponses(world.url()));
        sdks.put("anthropic-java", new AnthropicMessages(world.url()));
        sdks.put("google-genai", new GeminiContent(world.url()));
        sdks.put("bedrock converse", new BedrockConverse(world.url()));
        sdks.put("bedrock invoke", new BedrockInvoke(world.url()));
        sdks.put("python openai", new PythonOpenAi(world.url()));
        return sdks.entrySet().stream()
                .filter(sdk -> chosen("sdk", sdk.getKey()))
                .map(sdk -> dynamicContainer(sdk.getKey(), faults(sdk.getValue())));
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
            assertEquals(
                    OptionalInt.of(status.code()),
                    sdk.status(outcome.thrown()),
                    () -> "the exception's status: " + outcome.thrown());
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
