package org.modelfailover.host;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.wso2.carbon.apimgt.api.APIManagementException;
import org.wso2.carbon.apimgt.api.model.OperationPolicySpecification;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** API Manager refuses a shapeless configuration when an API is saved, and nothing else. */
class AppliedPolicyTest {
    private static final Duration AT_MOST = Duration.ofSeconds(2);

    private static OperationPolicySpecification specification;

    @BeforeAll
    static void read() throws APIManagementException {
        specification = ApiManager.specification(Policy.specificationText());
    }

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
        assertAccepted(Map.of("failoverConfigs", value));
    }

    @ParameterizedTest
    @MethodSource("byHand")
    void whatPeopleWriteByHandIsAccepted(String value) {
        assertAccepted(Map.of("failoverConfigs", value));
    }

    @ParameterizedTest
    @MethodSource("shapeless")
    void aShapelessValueIsRefused(String value) {
        assertRefused(Map.of("failoverConfigs", value), "Invalid value");
    }

    @ParameterizedTest
    @MethodSource("hostile")
    void aHostileValueIsRefusedInBoundedTime(String value) {
        assertTimeoutPreemptively(AT_MOST, () -> aShapelessValueIsRefused(value));
    }

    @Test
    void aLargeConfigurationIsAcceptedInBoundedTime() {
        String many = Configurations.FULL.repeat(300).replace("}{", "},'x':{");
        String value = "{'production':{'targetModel':{}},'x':" + many + "}";
        assertTimeoutPreemptively(AT_MOST, () -> assertAccepted(Map.of("failoverConfigs", value)));
    }

    @Test
    void aPolicyWithoutItsConfigurationIsRefused() {
        assertRefused(Map.of(), "failoverConfigs is not found");
        Map<String, Object> none = new HashMap<>();
        none.put("failoverConfigs", null);
        assertRefused(none, "failoverConfigs is not found");
    }

    @Test
    void aConfigurationThatIsNoStringIsRefused() {
        assertRefused(Map.of("failoverConfigs", Map.of("production", Map.of())), "data type");
    }

    /** What the portal sends for the attributes that its editor hides. */
    @Test
    void optionalAttributesMayBeNull() {
        Map<String, Object> parameters = new HashMap<>();
        for (String name : Policy.attributeNames()) {
            parameters.put(name, null);
        }
        parameters.put("failoverConfigs", Configurations.FULL);
        assertAccepted(parameters);
    }

    /** They are judged at deployment instead, where the error names the field. */
    @Test
    void optionalAttributesAreNotJudgedByTheHost() {
        Map<String, Object> parameters = new HashMap<>();
        for (String name : Policy.attributeNames()) {
            parameters.put(name, "?");
        }
        parameters.put("failoverConfigs", Configurations.FULL);
        parameters.put("suspendGrowth", 1.5);
        assertAccepted(parameters);
    }

    @Test
    void thePolicyIsForTheRequestFlowAlone() {
        assertRefused("response", "HTTP", "cannot be used in the response flow");
        assertRefused("fault", "HTTP", "cannot be used in the fault flow");
    }

    @Test
    void thePolicyIsForHttpApisAlone() {
        for (String other : List.of("SOAP", "SOAPTOREST", "GRAPHQL", "WS")) {
            assertRefused("request", other, "cannot be used for the " + other + " API type");
        }
    }

    private static void assertAccepted(Map<String, ?> parameters) {
        assertDoesNotThrow(() -> ApiManager.apply(specification, "request", "HTTP", parameters));
    }

    private static void assertRefused(Map<String, ?> parameters, String because) {
        assertRefused(
                because, () -> ApiManager.apply(specification, "request", "HTTP", parameters));
    }

    private static void assertRefused(String flow, String apiType, String because) {
        Map<String, String> good = Map.of("failoverConfigs", Configurations.FULL);
        assertRefused(because, () -> ApiManager.apply(specification, flow, apiType, good));
    }

    private static void assertRefused(
            String because, org.junit.jupiter.api.function.Executable apply) {
        String message = assertThrows(APIManagementException.class, apply).getMessage();
        assertTrue(message.contains(because), message);
    }
}
