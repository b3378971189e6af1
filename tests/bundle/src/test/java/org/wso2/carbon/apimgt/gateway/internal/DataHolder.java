package org.wso2.carbon.apimgt.gateway.internal;

import java.util.List;

/**
 * Stands for API Manager's class of this name, in a package that its bundle keeps to itself: with
 * one provider, which has a number that tells the loads of this class apart.
 */
public final class DataHolder {
    /** The id of the provider. */
    public static final String KNOWN = "known";

    private static final DataHolder INSTANCE = new DataHolder();

    private DataHolder() {}

    public static DataHolder getInstance() {
        return INSTANCE;
    }

    /** The provider of an id, or null. */
    public Provider getLLMProviderConfigurations(String id) {
        return id.equals(KNOWN) ? new Provider() : null;
    }

    /** Has the getters of {@code LLMProviderInfo}. */
    public static final class Provider {
        public String getName() {
            return "OpenAI";
        }

        public String getApiVersion() {
            return String.valueOf(System.identityHashCode(INSTANCE));
        }

        public Configuration getConfigurations() {
            return new Configuration();
        }
    }

    /** Has the getters of {@code LLMProviderConfiguration}. */
    public static final class Configuration {
        public String getConnectorType() {
            return "openAi_1.0.0";
        }

        public List<?> getMetadata() {
            return List.of();
        }
    }
}
