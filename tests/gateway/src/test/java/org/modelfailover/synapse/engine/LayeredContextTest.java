package org.modelfailover.synapse.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.apache.axis2.context.MessageContext;
import org.apache.synapse.SynapseConstants;
import org.apache.synapse.config.SynapseConfiguration;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.junit.jupiter.api.Test;

import java.util.HashMap;
import java.util.Map;
import java.util.Random;

/** A context over the properties of another is used as one of its own. */
class LayeredContextTest {
    private static Axis2MessageContext over(Map<String, Object> below) {
        return new LayeredContext(new MessageContext(), new SynapseConfiguration(), null, below);
    }

    private static Axis2MessageContext plain(Map<String, Object> properties) {
        Axis2MessageContext plain =
                new Axis2MessageContext(new MessageContext(), new SynapseConfiguration(), null);
        properties.forEach(plain::setProperty);
        return plain;
    }

    @Test
    void whateverIsDoneToItItIsAsAContextWithACopy() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int run = 0; run < 300; run++) {
            Map<String, Object> below = new HashMap<>();
            for (int i = random.nextInt(6); i > 0; i--) {
                below.put("p" + random.nextInt(8), random.nextInt());
            }
            Map<String, Object> before = Map.copyOf(below);
            Axis2MessageContext layered = over(below);
            Axis2MessageContext plain = plain(below);
            for (int step = 0; step < 12; step++) {
                String key = "p" + random.nextInt(8);
                switch (random.nextInt(8)) {
                    case 0:
                        assertEquals(plain.getPropertyKeySet(), layered.getPropertyKeySet());
                        break;
                    case 1:
                        plain.getPropertyKeySet().remove(key);
                        layered.getPropertyKeySet().remove(key);
                        break;
                    case 2:
                    case 3:
                        Integer value = random.nextInt(10) == 0 ? null : random.nextInt();
                        plain.setProperty(key, value);
                        layered.setProperty(key, value);
                        break;
                    default:
                        assertEquals(
                                plain.getProperty(key), layered.getProperty(key), "seed " + seed);
                }
            }
            assertEquals(plain.getPropertyKeySet(), layered.getPropertyKeySet(), "seed " + seed);
            assertEquals(before, below, "others see it too");
        }
    }

    @Test
    void thatItIsAResponseCanStandAmongThem() {
        Map<String, Object> below = Map.of(SynapseConstants.RESPONSE, "true");
        assertTrue(over(below).isResponse());
    }

    @Test
    void allOfThemAreToldToWhoAsks() {
        LayeredContext layered = (LayeredContext) over(Map.of("a", 1));
        layered.setProperty("b", 2);
        assertEquals(Map.of("a", 1, "b", 2), layered.getProperties());
        layered.getPropertyKeySet().remove("a");
        assertEquals(Map.of("b", 2), layered.getProperties());
        assertNull(layered.getProperty("a"));
    }
}
