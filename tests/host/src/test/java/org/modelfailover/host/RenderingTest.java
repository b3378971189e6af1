package org.modelfailover.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.hubspot.jinjava.Jinjava;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.modelfailover.host.ApiManager.Level;
import org.modelfailover.synapse.ModelFailoverMediator;
import org.wso2.carbon.apimgt.api.model.OperationPolicySpecification;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Whatever is configured in the portal arrives at the mediator as it was configured: through API
 * Manager's rendering, and through Synapse's reading of what comes out.
 */
class RenderingTest {
    private static OperationPolicySpecification specification;

    @TempDir Path archive;

    @BeforeAll
    static void read() throws Exception {
        specification = ApiManager.specification(Policy.specificationText());
    }

    static List<String> configurationsOfThePortal() {
        return Configurations.OF_THE_PORTAL;
    }

    static Stream<String> nastyNames() {
        return Configurations.NASTY.stream();
    }

    /** The forks for other versions must not all run on the same. */
    @Test
    void jinjavaIsTheVersionThatIsAskedFor() {
        String jar = Jinjava.class.getProtectionDomain().getCodeSource().getLocation().getPath();
        String version = System.getProperty("jinjava.version");
        assertTrue(jar.endsWith("/jinjava-" + version + ".jar"), jar);
    }

    @ParameterizedTest
    @MethodSource("configurationsOfThePortal")
    void aConfigurationOfThePortalArrivesUnchanged(String typed) throws Exception {
        for (Level level : Level.values()) {
            Mediator arrived = render(level, Map.of("failoverConfigs", typed));
            assertEquals(typed, arrived.failoverConfigs(), () -> "attached to " + level);
        }
    }

    /** The editor turns quotes into apostrophes and writes everything else as it was typed. */
    @ParameterizedTest
    @MethodSource("nastyNames")
    void aConfigurationArrivesUnchangedWhateverTheNamesInIt(String name) throws Exception {
        String typed = Configurations.FULL.replace("prod-eu", name).replace('"', '\'');
        Mediator arrived = render(Level.API, Map.of("failoverConfigs", typed));
        assertEquals(typed, arrived.failoverConfigs());
    }

    @ParameterizedTest
    @MethodSource("nastyNames")
    void aValueArrivesUnchangedThroughEveryAttribute(String value) throws Exception {
        Map<String, String> typed = new HashMap<>();
        Policy.attributeNames().forEach(name -> typed.put(name, value));
        Mediator arrived = render(Level.API, typed);
        assertEquals(typed, arrived.attributes());
    }

    @Test
    void aLongConfigurationArrivesUnchanged() throws Exception {
        String typed = "{'x':'" + "ab&<{{%'\"é🦜".repeat(1700) + "'}";
        Mediator arrived = render(Level.API, Map.of("failoverConfigs", typed));
        assertEquals(typed, arrived.failoverConfigs());
    }

    /** The portal sends null for a hidden attribute; REST and apictl may leave it out. */
    @Test
    void attributesThatAreNullOrMissingArriveEmpty() throws Exception {
        Map<String, String> nulls = new HashMap<>();
        Map<String, String> empty = new HashMap<>();
        for (String name : Policy.attributeNames()) {
            nulls.put(name, null);
            empty.put(name, "");
        }
        assertEquals(empty, render(Level.API, nulls).attributes());
        assertEquals(empty, render(Level.API, Map.of()).attributes());
    }

    /** A parameter set through REST or apictl may be a number or a boolean. */
    @Test
    void numbersAndBooleansArriveAsTheirText() throws Exception {
        Map<String, String> arrived =
                render(
                                Level.API,
                                Map.of(
                                        "connectTimeout",
                                        2,
                                        "suspendGrowth",
                                        1.5,
                                        "maxRequestBody",
                                        67108864L,
                                        "responseHeaders",
                                        false))
                        .attributes();
        assertEquals("2", arrived.get("connectTimeout"));
        assertEquals("1.5", arrived.get("suspendGrowth"));
        assertEquals("67108864", arrived.get("maxRequestBody"));
        assertEquals("false", arrived.get("responseHeaders"));
    }

    /** What the template protects from, or these tests would show nothing. */
    @ParameterizedTest
    @EnumSource
    void theHostDropsOrEvaluatesWhatATemplateDoesNotEncode(Level level) throws Exception {
        String raw = Policy.template().replace("|urlencode", "");
        String dropped =
                ApiManager.sequence(
                        specification, raw, level, Map.of("failoverConfigs", "R&D"), archive);
        assertEquals("", dropped);
        String evaluated =
                ApiManager.sequence(
                        specification, raw, level, Map.of("failoverConfigs", "{{ 7*7 }}"), archive);
        assertTrue(evaluated.contains("name=\"failoverConfigs\" value=\"49\""), evaluated);
    }

    /** Synapse turns value="" into the setter's type: an int would fail to load. */
    @Test
    void theMediatorsSettersAreTheTemplatesPropertiesAndTakeStrings() {
        TreeSet<String> setters = new TreeSet<>();
        for (Method method : ModelFailoverMediator.class.getDeclaredMethods()) {
            String name = method.getName();
            if (name.startsWith("set") && Modifier.isPublic(method.getModifiers())) {
                assertEquals(1, method.getParameterCount(), method::toString);
                assertEquals(String.class, method.getParameterTypes()[0], method::toString);
                setters.add(Character.toLowerCase(name.charAt(3)) + name.substring(4));
            }
        }
        assertEquals(new TreeSet<>(Set.of("failoverConfigs", "settings")), setters);
    }

    /** Synapse runs a class mediator that has an expression under a lock of the whole mediator. */
    @Test
    void noPropertyHasAnExpression() {
        assertFalse(Policy.template().contains("expression"), Policy.template());
    }

    private Mediator render(Level level, Map<String, ?> parameters) throws Exception {
        return Mediator.in(
                ApiManager.sequence(specification, Policy.template(), level, parameters, archive));
    }
}
