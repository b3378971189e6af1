package org.modelfailover.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;

import org.everit.json.schema.ValidationException;
import org.junit.jupiter.api.Test;
import org.wso2.carbon.apimgt.api.APIManagementException;
import org.wso2.carbon.apimgt.api.model.OperationPolicySpecification;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The specification is one that API Manager 4.5.0 and later store and the portal can show. */
class SpecificationTest {
    private static final Set<String> KNOWN_ATTRIBUTE_KEYS =
            Set.of("name", "displayName", "description", "validationRegex", "type", "required");

    private final JsonObject specification = Policy.specification();

    @Test
    void theHostTakesItBareAndWrapped() throws APIManagementException {
        for (String text :
                List.of(Policy.specificationText(), "{\"data\":" + specification + "}")) {
            OperationPolicySpecification read = ApiManager.specification(text);
            assertEquals("modelFailover", read.getName());
            assertEquals("v2", read.getVersion());
            assertEquals(
                    Policy.attributeNames(),
                    read.getPolicyAttributes().stream().map(a -> a.getName()).toList());
        }
    }

    @Test
    void theHostWouldRefuseItWithoutAnyOfItsRequiredKeys() {
        for (String key :
                List.of(
                        "category",
                        "name",
                        "displayName",
                        "version",
                        "applicableFlows",
                        "supportedGateways",
                        "supportedApiTypes")) {
            JsonObject broken = Policy.specification();
            broken.remove(key);
            APIManagementException refusal =
                    assertThrows(
                            APIManagementException.class,
                            () -> ApiManager.specification(broken.toString()),
                            key);
            assertTrue(refusal.getMessage().contains(key), refusal.getMessage());
        }
    }

    @Test
    void theNarrowerSchemaOf4_5_0TakesItToo() throws IOException {
        SchemaOf4_5_0.validate(specification);
    }

    @Test
    void theNarrowerSchemaRefusesWhatTheHostTookOnLater() throws Exception {
        for (String type : List.of("Secret", "JSON")) {
            JsonObject later = Policy.specification();
            later.getAsJsonArray("policyAttributes")
                    .get(0)
                    .getAsJsonObject()
                    .addProperty("type", type);
            assertOnlyForLaterHosts(later);
        }
        for (String gateway : List.of("Azure", "Kong")) {
            JsonObject later = Policy.specification();
            later.getAsJsonArray("supportedGateways").add(gateway);
            assertOnlyForLaterHosts(later);
        }
        JsonObject later = Policy.specification();
        later.getAsJsonArray("supportedApiTypes").add("WS");
        assertOnlyForLaterHosts(later);
        JsonObject laterObject = Policy.specification();
        laterObject
                .getAsJsonArray("supportedApiTypes")
                .get(0)
                .getAsJsonObject()
                .addProperty("apiType", "WS");
        assertOnlyForLaterHosts(laterObject);
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
    void everyAttributeIsANamedAndDescribedString() {
        Set<String> seen = new HashSet<>();
        for (JsonObject attribute : Policy.attributes()) {
            String name = attribute.get("name").getAsString();
            assertTrue(seen.add(name), () -> name + " stands there twice");
            assertTrue(name.matches("[a-z][A-Za-z0-9]*"), () -> name + " is not lowerCamelCase");
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

    private static void assertOnlyForLaterHosts(JsonObject later) throws APIManagementException {
        ApiManager.specification(later.toString());
        assertThrows(ValidationException.class, () -> SchemaOf4_5_0.validate(later));
    }
}
