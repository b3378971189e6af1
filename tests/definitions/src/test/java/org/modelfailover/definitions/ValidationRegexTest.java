package org.modelfailover.definitions;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

/** The server refuses a shapeless configuration when the API is saved, and nothing else. */
class ValidationRegexTest {
    static List<String> ofThePortal() {
        return Configurations.OF_THE_PORTAL;
    }

    static List<String> byHand() {
        return Configurations.BY_HAND;
    }

    static List<String> shapeless() {
        return Configurations.SHAPELESS;
    }

    /** About 100 kB each, made of what the regex looks for, and never acceptable. */
    static Stream<String> hostile() {
        return Stream.of(
                "{".repeat(100_000),
                " ".repeat(100_000),
                "{" + " ".repeat(100_000) + "x",
                "{'production':{".repeat(7_000),
                "{" + "'production':{'targetModel':".repeat(3_700),
                "{" + "'production' : { ".repeat(6_000) + "x",
                "{'production'" + " ".repeat(100_000) + "x",
                "{'production':" + " ".repeat(50_000) + "{" + " ".repeat(50_000),
                "{'production':{" + "'targetModel' ".repeat(7_000),
                "{'production':{'targetModel':" + "} ".repeat(50_000) + "x",
                "{'production':{'targetModel':" + "}" + " \n".repeat(50_000) + "x",
                "{" + "&quot;production".repeat(6_500),
                "{" + "'".repeat(100_000),
                "{" + "&quot;".repeat(16_000));
    }

    @ParameterizedTest
    @MethodSource("ofThePortal")
    void whatThePortalStoresIsAccepted(String value) {
        assertTrue(matches(value));
    }

    @ParameterizedTest
    @MethodSource("byHand")
    void whatPeopleWriteByHandIsAccepted(String value) {
        assertTrue(matches(value));
    }

    @ParameterizedTest
    @MethodSource("shapeless")
    void aShapelessValueIsRefused(String value) {
        assertFalse(matches(value));
    }

    @ParameterizedTest
    @MethodSource("hostile")
    void aHostileValueIsRefusedInBoundedTime(String value) {
        assertFalse(assertTimeoutPreemptively(Duration.ofSeconds(2), () -> matches(value)));
    }

    @Test
    void aLargeConfigurationIsAcceptedInBoundedTime() {
        String many = Configurations.FULL.repeat(300).replace("}{", "},'x':{");
        String value = "{'production':{'targetModel':{}},'x':" + many + "}";
        assertTrue(assertTimeoutPreemptively(Duration.ofSeconds(2), () -> matches(value)));
    }

    private static boolean matches(String value) {
        return Policy.validationRegex().matcher(value).matches();
    }
}
