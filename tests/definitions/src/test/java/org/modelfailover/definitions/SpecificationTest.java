package org.modelfailover.definitions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.networknt.schema.InputFormat;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.zip.ZipFile;

/** The specification is one that API Manager 4.5.0 and later store and the portal can show. */
class SpecificationTest {
    /** 4.5.0 lacks Secret and JSON. */
    private static final Set<String> ATTRIBUTE_TYPES_OF_4_5 =
            Set.of("String", "Boolean", "Integer", "Enum", "Map");

    private static final Set<String> GATEWAYS_OF_4_5 = Set.of("Synapse", "ChoreoConnect", "AWS");

    private static final Set<String> KNOWN_ATTRIBUTE_KEYS =
            Set.of("name", "displayName", "description", "validationRegex", "type", "required");

    private final JsonObject specification = Policy.specification();

    @Test
    void passesTheSchemaOfTheHost() throws IOException {
        String jar = System.getProperty("host.schema.jar");
        String schemaText;
        try (ZipFile zip = new ZipFile(jar)) {
            var entry = zip.getEntry("operationPolicy/operation-policy-specification-schema.json");
            schemaText =
                    new String(zip.getInputStream(entry).readAllBytes(), StandardCharsets.UTF_8);
        }
        JsonSchema schema =
                JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V4).getSchema(schemaText);
        assertEquals(Set.of(), schema.validate(Policy.specificationText(), InputFormat.JSON));

        JsonObject broken = Policy.specification();
        broken.remove("displayName");
        assertFalse(
                schema.validate(broken.toString(), InputFormat.JSON).isEmpty(),
                "the schema must refuse a specification without displayName");
    }

    @Test
    void isModelFailoverVersion2ForAiApisOnTheSynapseGateway() {
        assertEquals("modelFailover", text("name"), "the portal picks its editor by this name");
        assertEquals("v2", text("version"));
        assertEquals("Model Failover", text("displayName"));
        assertEquals("Mediation", text("category"));
        assertEquals("[\"request\"]", specification.get("applicableFlows").toString());
        assertEquals("[\"Synapse\"]", specification.get("supportedGateways").toString());
        assertEquals(
                "[{\"apiType\":\"HTTP\",\"subType\":\"AIAPI\"}]",
                specification.get("supportedApiTypes").toString());
    }

    @Test
    void fitsTheColumnsOfTheDatabase() {
        assertWidth(1024, text("description"));
        assertWidth(300, text("name"));
        assertWidth(300, text("displayName"));
        for (String key : List.of("version", "category")) {
            assertWidth(45, text(key));
        }
        for (String key : List.of("applicableFlows", "supportedGateways", "supportedApiTypes")) {
            assertWidth(45, specification.get(key).toString());
        }
    }

    @Test
    void usesOnlyWhatTheSchemaOf4_5_0Knows() {
        for (JsonElement gateway : array("supportedGateways")) {
            assertTrue(GATEWAYS_OF_4_5.contains(gateway.getAsString()), gateway::toString);
        }
        for (JsonObject attribute : Policy.attributes()) {
            String name = attribute.get("name").getAsString();
            assertTrue(
                    ATTRIBUTE_TYPES_OF_4_5.contains(attribute.get("type").getAsString()),
                    () -> name + " has a type that 4.5.0 refuses");
        }
    }

    @Test
    void everyAttributeIsANamedAndDescribedString() {
        Set<String> seen = new HashSet<>();
        for (JsonObject attribute : Policy.attributes()) {
            String name = attribute.get("name").getAsString();
            assertTrue(seen.add(name), () -> name + " stands there twice");
            assertTrue(name.matches("[a-z][A-Za-z]*"), () -> name + " is not lowerCamelCase");
            assertFalse(attribute.get("displayName").getAsString().isBlank(), name);
            assertFalse(attribute.get("description").getAsString().isBlank(), name);
            assertEquals("String", attribute.get("type").getAsString(), name);
            assertTrue(attribute.get("required").isJsonPrimitive(), name);
            assertTrue(
                    KNOWN_ATTRIBUTE_KEYS.containsAll(attribute.keySet()),
                    () -> name + " has a key that no reader of it knows: " + attribute.keySet());
        }
    }

    @Test
    void failoverConfigsStandsFirstBecauseTheEditorWritesIntoTheFirstAttribute() {
        JsonObject first = Policy.attributes().get(0);
        assertEquals("failoverConfigs", first.get("name").getAsString());
        assertTrue(first.get("required").getAsBoolean(), "only required ones are checked");
    }

    /**
     * A default would be sent by the portal for a hidden attribute and so hide the gateway-wide
     * setting; on the first attribute it crashes the editor.
     */
    @Test
    void noAttributeHasADefault() {
        for (JsonObject attribute : Policy.attributes()) {
            assertFalse(attribute.has("defaultValue"), () -> attribute.get("name").getAsString());
        }
    }

    /** The server refuses a policy whose required attribute the portal hides and sends as null. */
    @Test
    void everyOtherAttributeIsOptional() {
        List<String> required = new ArrayList<>();
        for (JsonObject attribute : Policy.attributes()) {
            if (attribute.get("required").getAsBoolean()) {
                required.add(attribute.get("name").getAsString());
            }
        }
        assertEquals(List.of("failoverConfigs"), required);
    }

    private void assertWidth(int most, String stored) {
        assertTrue(
                stored.length() <= most,
                () -> stored.length() + " characters, the column has " + most + ": " + stored);
    }

    private String text(String key) {
        return specification.get(key).getAsString();
    }

    private JsonArray array(String key) {
        return specification.getAsJsonArray(key);
    }
}
