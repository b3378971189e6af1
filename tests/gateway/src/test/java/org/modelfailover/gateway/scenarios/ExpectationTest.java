package org.modelfailover.gateway.scenarios;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonParser;

import org.junit.jupiter.api.Test;

/** What the words of the catalogue mean: a runner that lets everything pass shows nothing. */
class ExpectationTest {
    private static void agrees(boolean expected, String said, String actual) {
        Expectation expectation = new Expectation();
        expectation.value("it", JsonParser.parseString(said), actual);
        assertEquals(expected, expectation.differences().isEmpty(), said + " of " + actual);
    }

    @Test
    void aValueIsEqualInItsText() {
        agrees(true, "200", "200");
        agrees(true, "\"200\"", "200");
        agrees(false, "200", "2000");
        agrees(false, "200", null);
    }

    @Test
    void nullIsAbsentAndTrueIsPresent() {
        agrees(true, "null", null);
        agrees(false, "null", "");
        agrees(true, "true", "x");
        agrees(false, "true", null);
    }

    @Test
    void aPairIsARange() {
        agrees(true, "[1, 2]", "1");
        agrees(true, "[1, 2]", "2");
        agrees(false, "[1, 2]", "3");
        agrees(false, "[1, 2]", "soon");
        agrees(false, "[1, 2]", null);
    }

    @Test
    void anObjectIsAPatternOrWhatMustBeMissing() {
        agrees(true, "{\"matches\": \"^a+$\"}", "aa");
        agrees(false, "{\"matches\": \"^a+$\"}", "ab");
        agrees(true, "{\"lacks\": \"sk-\"}", "key");
        agrees(false, "{\"lacks\": \"sk-\"}", "sk-1");
        agrees(false, "{\"lacks\": \"sk-\"}", null);
    }

    @Test
    void aPointerFindsWhatItNames() {
        String body = "{\"a\": {\"b/c\": [1, {\"d\": \"x\"}]}}";
        for (String[] pair :
                new String[][] {{"/a/b~1c/1/d", "\"x\""}, {"/a/b~1c/0", "1"}, {"/a/z", "null"}}) {
            Expectation expectation = new Expectation();
            String said = "{\"" + pair[0] + "\": " + pair[1] + "}";
            expectation.pointers("it", new Fields("it", JsonParser.parseString(said)), body);
            assertEquals(0, expectation.differences().size(), said);
        }
    }
}
