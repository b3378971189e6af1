package org.modelfailover.executor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import org.junit.jupiter.api.Test;

/** Which system properties go to the native side: truststore passwords are among them. */
class SystemPropertiesTest {
    @Test
    void onlySystemPropertiesThatTheFileNamesLeaveJava() {
        System.setProperty("failover.test.connect", "3s");
        System.setProperty("javax.net.ssl.trustStorePassword.test", "secret");
        String settings =
                "[server]\nkey = \"$sys{javax.net.ssl.trustStorePassword.test}\"\n"
                        + "[apim.ai.model_failover]\n"
                        + "connect_timeout = \"$sys{failover.test.connect}\"\n"
                        + "idle_timeout = \"$sys{failover.test.not.set}$sys{}\"\n";

        assertArrayEquals(
                new String[] {"failover.test.connect", "3s"},
                Executor.systemPropertiesFor(settings));
        assertArrayEquals(new String[0], Executor.systemPropertiesFor(null));
        assertArrayEquals(new String[0], Executor.systemPropertiesFor("no TOML {{"));
    }
}
