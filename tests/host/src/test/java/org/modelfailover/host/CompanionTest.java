package org.modelfailover.host;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import org.apache.axiom.om.OMAbstractFactory;
import org.apache.axis2.context.MessageContext;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.modelfailover.host.ApiManager.Level;
import org.modelfailover.synapse.ModelFailoverSettingsMediator;
import org.wso2.carbon.apimgt.api.model.OperationPolicySpecification;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The companion policy is one that API Manager takes and the portal shows as a plain form, and what
 * is typed into its fields arrives.
 */
class CompanionTest {
    private static final String FOLDER = "policy-definitions/modelFailoverSettings/";
    private static final String TEXT = read("modelFailoverSettings_v1.json");
    private static final String TEMPLATE = read("modelFailoverSettings_v1.j2");

    private static OperationPolicySpecification specification;

    @TempDir Path archive;

    @BeforeAll
    static void readByTheHost() throws Exception {
        specification = ApiManager.specification(TEXT);
    }

    private static String read(String name) {
        return Policy.read(Policy.projectFile(FOLDER + name));
    }

    private static JsonObject json() {
        return JsonParser.parseString(TEXT).getAsJsonObject();
    }

    private static List<JsonObject> fields() {
        List<JsonObject> fields = new ArrayList<>();
        for (JsonElement field : json().getAsJsonArray("policyAttributes")) {
            fields.add(field.getAsJsonObject());
        }
        return fields;
    }

    static Stream<String> nastyNames() {
        return Configurations.NASTY.stream();
    }

    /** What the mediator sets on a request, decoded. */
    private Map<String, String> arrived(Level level, Map<String, ?> typed) throws Exception {
        String xml = ApiManager.sequence(specification, TEMPLATE, level, typed, archive);
        ModelFailoverSettingsMediator mediator = (ModelFailoverSettingsMediator) Mediator.only(xml);
        MessageContext axis2 = new MessageContext();
        axis2.setEnvelope(OMAbstractFactory.getSOAP11Factory().getDefaultEnvelope());
        Axis2MessageContext request = new Axis2MessageContext(axis2, null, null);
        assertTrue(mediator.mediate(request), "the flow goes on");
        String said = (String) request.getProperty("model.failover.settings");
        Map<String, String> settings = new HashMap<>();
        for (String pair : said.isEmpty() ? new String[0] : said.split("&")) {
            String[] halves = pair.split("=", 2);
            settings.put(halves[0], URLDecoder.decode(halves[1], StandardCharsets.UTF_8));
        }
        return settings;
    }

    @Test
    void theHostOf4_5_0TakesItToo() throws Exception {
        SchemaOf4_5_0.validate(json());
        assertEquals("modelFailoverSettings", specification.getName());
        assertEquals("v1", specification.getVersion());
        assertNotEquals(
                "modelFailover", specification.getName(), "its editor would hide every field");
    }

    @Test
    void itHasTheFieldsOfModelFailoverButItsConfiguration() {
        List<String> names = fields().stream().map(f -> f.get("name").getAsString()).toList();
        List<String> others = new ArrayList<>(Policy.attributeNames());
        others.remove("failoverConfigs");
        assertEquals(others, names);
    }

    @Test
    void noFieldIsRequiredOrHasADefaultThatWouldHideTheGateways() {
        for (JsonObject field : fields()) {
            assertFalse(field.get("required").getAsBoolean(), field::toString);
            assertFalse(field.has("defaultValue"), field::toString);
            assertEquals("String", field.get("type").getAsString(), "4.5 has no others");
        }
    }

    /** The portal shows the description as help, which names both. */
    @Test
    void theBrowserLetsNothingAndDefaultsAndExamplesThroughAndNoNonsense() {
        for (JsonObject field : fields()) {
            String regex = field.get("validationRegex").getAsString();
            String help = field.get("description").getAsString();
            String example = help.substring(help.lastIndexOf("Example: ") + 9);
            String from = help.substring(help.lastIndexOf("Default: ") + 9);
            String byDefault = from.substring(0, from.lastIndexOf(". Example: "));
            assertTrue("".matches(regex), help);
            assertTrue(example.matches(regex), help);
            assertTrue(byDefault.equals("not set") || byDefault.matches(regex), help);
            assertFalse("nonsense".matches(regex), help);
        }
    }

    @ParameterizedTest
    @MethodSource("nastyNames")
    void aValueArrivesUnchangedThroughEveryField(String value) throws Exception {
        Map<String, String> typed = new HashMap<>();
        fields().forEach(field -> typed.put(field.get("name").getAsString(), value));
        for (Level level : Level.values()) {
            assertEquals(value.isEmpty() ? Map.of() : typed, arrived(level, typed));
        }
    }

    @Test
    void fieldsThatAreNotFilledSayNothing() throws Exception {
        Map<String, String> nulls = new HashMap<>();
        fields().forEach(field -> nulls.put(field.get("name").getAsString(), null));
        assertEquals(Map.of(), arrived(Level.API, nulls));
        assertEquals(Map.of(), arrived(Level.API, Map.of()));
        assertEquals(
                Map.of("connectTimeout", "2", "responseHeaders", "false"),
                arrived(Level.API, Map.of("connectTimeout", 2, "responseHeaders", false)));
    }

    @Test
    void theHostAppliesItToRequestsOfHttpApis() {
        assertDoesNotThrow(
                () -> ApiManager.apply(specification, "request", "HTTP", Map.of("http2", "true")));
    }
}
