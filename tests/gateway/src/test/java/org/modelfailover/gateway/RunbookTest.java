package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The drills of {@code docs/runbook.md} show what its sections say that one sees. */
class RunbookTest extends ListenerCase {
    /** The section's title, and the directives of its drill. */
    private static final Pattern DRILL =
            Pattern.compile("^\\| \\[([^]]+)]\\([^)]+\\) \\| `([a-z]+=[^`]+)`", Pattern.MULTILINE);

    /** What a failure is in words: {@code 429: limited…}, an outcome's word, or a sentence. */
    private static final Pattern WORDS =
            Pattern.compile("`(\\d{3}: [^`]+|[a-z]+-[a-z-]+|[a-z]+( [a-z]+){2,})`");

    private static List<String> wordsOf(String runbook, String title) {
        int from = runbook.indexOf("\n## " + title + "\n");
        assertTrue(from > 0, "no section " + title);
        int next = runbook.indexOf("\n## ", from + 4);
        Matcher words = WORDS.matcher(runbook.substring(from, next < 0 ? runbook.length() : next));
        List<String> found = new ArrayList<>();
        while (words.find()) {
            found.add(words.group(1));
        }
        return found;
    }

    @Test
    void eachDrillShowsWhatItsSectionSays() throws Exception {
        deployed(ANY_PORT, WITH_TOKEN);
        String runbook = Files.readString(Path.of("../../docs/runbook.md"));
        Matcher drill = DRILL.matcher(runbook);
        int played = 0;
        while (drill.find()) {
            String title = drill.group(1);
            List<String> words = wordsOf(runbook, title);
            if (words.isEmpty()) {
                continue;
            }
            answer(steering("clear"));
            first.set(TARGET, drill.group(2).replace("delay=20s", "silent"));

            ask(drill.group(2).startsWith("cut") ? streamed(TARGET) : chat(TARGET));

            String said = target().getAsJsonArray("failures").get(0).toString();
            assertTrue(
                    words.stream().anyMatch(said::contains),
                    title + ": " + words + " should be in " + said);
            played++;
        }
        assertTrue(played >= 6, "drills found: " + played);
    }
}
