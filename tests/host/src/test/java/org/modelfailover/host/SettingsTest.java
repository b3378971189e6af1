package org.modelfailover.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;

import org.junit.jupiter.api.Test;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The optional attributes are the settings that the executor knows, with the same defaults. */
class SettingsTest {
    /** The one list of settings is the table SETTINGS of the crate {@code policy}. */
    private static final String TABLE = "native/policy/src/settings.rs";

    private static final Pattern ROW =
            Pattern.compile("\\bname: \"([a-z0-9_]+)\",\\s+kind: [^\\n]+\\s+default: \"([^\"]*)\"");

    /** What counts instead of a setting that has no default of its own. */
    private static final Map<String, String> NOT_SET =
            Map.of(
                    "firstTokenTimeout",
                    "requestTimeout",
                    "maxMemory",
                    "a quarter of the gateway's maximum heap");

    private static final Pattern DEFAULT = Pattern.compile("Default: (.+?)( \\(.*\\))?\\. Example");

    @Test
    void everySettingHasAnAttributeWithItsDefaultInTheDescription() {
        Map<String, String> described = new TreeMap<>();
        List<JsonObject> attributes = Policy.attributes();
        for (JsonObject attribute : attributes.subList(1, attributes.size())) {
            String name = attribute.get("name").getAsString();
            Matcher matcher = DEFAULT.matcher(attribute.get("description").getAsString());
            assertTrue(matcher.find(), () -> name + ": the description gives no default");
            described.put(name, matcher.group(1));
        }
        assertEquals(new TreeMap<>(settings()), described);
    }

    @Test
    void theReadmeListsEveryAttribute() {
        String readme =
                Policy.read(Policy.projectFile("policy-definitions/modelFailover/README.md"));
        for (String name : Policy.attributeNames()) {
            assertTrue(
                    readme.contains("\n| `" + name + "` | "), () -> name + " is not in the README");
        }
    }

    private static Map<String, String> settings() {
        Map<String, String> settings = new LinkedHashMap<>();
        Matcher matcher = ROW.matcher(Policy.read(Policy.projectFile(TABLE)));
        while (matcher.find()) {
            String value = matcher.group(2);
            String name = lowerCamelCase(matcher.group(1));
            settings.put(name, value.isEmpty() ? NOT_SET.get(name) : value);
        }
        assertTrue(settings.size() > 10, () -> "the table SETTINGS was not found in " + TABLE);
        return settings;
    }

    private static String lowerCamelCase(String snakeCase) {
        return Pattern.compile("_([a-z])")
                .matcher(snakeCase)
                .replaceAll(match -> match.group(1).toUpperCase(Locale.ROOT));
    }
}
