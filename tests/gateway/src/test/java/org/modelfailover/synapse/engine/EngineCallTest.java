package org.modelfailover.synapse.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** Methods that are called by their names. */
class EngineCallTest {
    /** Has two methods of one name, as the engines' classes do. */
    public static final class Overloaded {
        public String said(String one) {
            return "a string";
        }

        public String said(Integer one) {
            return "a number";
        }

        public String said() {
            return "nothing";
        }
    }

    @Test
    void methodsOfOneNameAreToldApart() throws ReflectiveOperationException {
        Overloaded target = new Overloaded();
        Class<?>[] string = {String.class};
        Class<?>[] number = {Integer.class};
        for (int i = 0; i < 2; i++) {
            assertEquals("a string", Engine.call(target, "said", string, "x"));
            assertEquals("a number", Engine.call(target, "said", number, 1));
            assertEquals("nothing", Engine.call(target, "said"));
        }
    }
}
