package org.modelfailover.synapse.api;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.synapse.Mediator;
import org.apache.synapse.config.SynapseConfiguration;
import org.modelfailover.executor.InvalidConfigurationException;
import org.modelfailover.executor.NativeLibrary;

import java.util.Arrays;
import java.util.stream.Collectors;

/** What the companion policy's form has in it. */
public final class CompanionSettings {
    public static final CompanionSettings NONE = new CompanionSettings("");

    private static final Log LOG = LogFactory.getLog(CompanionSettings.class);

    /** A configuration with which no request is the policy's: settings are checked with it. */
    private static final String NO_MODELS = "{}";

    /** The pairs that say something, as the template carries them. */
    public final String text;

    private CompanionSettings(String text) {
        this.text = text;
    }

    /**
     * @param value {@code name=value} pairs with {@code &} between them
     */
    public static CompanionSettings of(String value) {
        return new CompanionSettings(
                Arrays.stream(value.split("&"))
                        .filter(pair -> !pair.endsWith("="))
                        .collect(Collectors.joining("&")));
    }

    /** Says at deployment what is wrong with them; requests are told by the policy they are for. */
    public void check(SynapseConfiguration configuration, Mediator mediator) {
        if (text.isEmpty() || !NativeLibrary.isAvailable()) {
            return;
        }
        try {
            GatewaySettings.open(NO_MODELS, text).close();
        } catch (InvalidConfigurationException e) {
            String api = ApiNames.restApi(configuration, mediator);
            LOG.error(
                    "The policy modelFailoverSettings v1 of the API "
                            + (api == null ? "that is being deployed" : ApiNames.name(api))
                            + " can't be used: "
                            + e.getMessage());
        }
    }
}
