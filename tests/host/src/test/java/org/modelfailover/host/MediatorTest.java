package org.modelfailover.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import org.apache.synapse.Mediator;
import org.apache.synapse.config.xml.MediatorFactoryFinder;
import org.apache.synapse.mediators.ext.ClassMediator;
import org.junit.jupiter.api.Test;
import org.modelfailover.synapse.ModelFailoverMediator;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;

/** The template's mediator is one that Synapse can make and configure. */
class MediatorTest {
    @Test
    void theSettersAreTheAttributes() {
        TreeSet<String> setters = new TreeSet<>();
        for (Method method : ModelFailoverMediator.class.getDeclaredMethods()) {
            if (method.getName().startsWith("set") && Modifier.isPublic(method.getModifiers())) {
                // Synapse turns value="" into the setter's type: an int would fail to load.
                assertEquals(1, method.getParameterCount(), method::toString);
                assertEquals(String.class, method.getParameterTypes()[0], method::toString);
                setters.add(Character.toLowerCase(method.getName().charAt(3)) + tail(method));
            }
        }
        assertEquals(new TreeSet<>(Policy.attributeNames()), setters);
    }

    @Test
    void synapseLoadsWhatThePortalSends() {
        Map<String, Object> parameters = new HashMap<>();
        for (String name : Policy.attributeNames()) {
            parameters.put(name, null);
        }
        parameters.put("failoverConfigs", Configurations.FULL);
        assertLoads(parameters);
    }

    @Test
    void synapseLoadsAPolicyWithEveryOptionalAttributeSet() {
        Map<String, Object> parameters = new HashMap<>();
        Policy.attributes()
                .forEach(
                        attribute -> {
                            String description = attribute.get("description").getAsString();
                            parameters.put(
                                    attribute.get("name").getAsString(),
                                    description.substring(description.indexOf("Example: ") + 9));
                        });
        assertLoads(parameters);
    }

    private static void assertLoads(Map<String, Object> parameters) {
        var element = HostRendering.render(Policy.template(), parameters);
        Mediator mediator =
                MediatorFactoryFinder.getInstance().getMediator(element, new Properties());
        ClassMediator classMediator = assertInstanceOf(ClassMediator.class, mediator);
        assertNotNull(classMediator.getMediator());
        assertInstanceOf(ModelFailoverMediator.class, classMediator.getMediator());
    }

    private static String tail(Method method) {
        return method.getName().substring(4);
    }
}
