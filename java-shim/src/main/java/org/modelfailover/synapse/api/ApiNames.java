package org.modelfailover.synapse.api;

import org.apache.synapse.Mediator;
import org.apache.synapse.config.SynapseConfiguration;
import org.apache.synapse.config.xml.SwitchCase;
import org.apache.synapse.mediators.ListMediator;
import org.apache.synapse.mediators.base.SequenceMediator;
import org.apache.synapse.mediators.ext.ClassMediator;
import org.apache.synapse.mediators.filters.SwitchMediator;

import java.util.List;
import java.util.Map;

/**
 * Which API a mediator stands in, told from the sequence that holds it: API Manager calls an API's
 * request policies {@code <prefix>--<api>:v<version>--In}.
 */
final class ApiNames {
    /** Where the sequence that holds the mediator has no name yet. */
    static final String UNKNOWN = "A policy modelFailover v2";

    private ApiNames() {}

    /** API, version and policy for log lines at deployment, when no request says them yet. */
    static String describe(SynapseConfiguration configuration, Mediator mediator) {
        String api = restApi(configuration, mediator);
        return api == null ? UNKNOWN : describe(api, api);
    }

    /** The API's name in the engine, or null where it is not known. */
    static String restApi(SynapseConfiguration configuration, Mediator mediator) {
        Map<String, SequenceMediator> sequences = configuration.getDefinedSequences();
        for (Map.Entry<String, SequenceMediator> one : sequences.entrySet()) {
            if (holds(one.getValue(), mediator)) {
                String name = one.getKey();
                int direction = name.lastIndexOf("--");
                return direction > 0 ? name.substring(0, direction) : name;
            }
        }
        return null;
    }

    /**
     * API, version and policy for log lines.
     *
     * @param name the API's name, with or without what stands around it
     * @param restApi {@code <prefix>--<name>:v<version>}
     */
    static String describe(String name, String restApi) {
        return "The policy modelFailover v2 of the API "
                + name(name)
                + " version "
                + version(restApi);
    }

    /** The name in {@code <prefix>--<name>:v<version>}, or the text itself. */
    static String name(String text) {
        int prefix = text.indexOf("--");
        int version = text.lastIndexOf(":v");
        return text.substring(
                prefix < 0 ? 0 : prefix + 2, version > prefix ? version : text.length());
    }

    /** The version in {@code <prefix>--<name>:v<version>}, or nothing. */
    static String version(String text) {
        int version = text.lastIndexOf(":v");
        return version < 0 ? "" : text.substring(version + 2);
    }

    private static boolean holds(Mediator where, Mediator what) {
        if (where instanceof ClassMediator) {
            return ((ClassMediator) where).getMediator() == what;
        }
        if (where instanceof SwitchMediator) {
            List<SwitchCase> cases = ((SwitchMediator) where).getCases();
            SwitchCase otherwise = ((SwitchMediator) where).getDefaultCase();
            return cases.stream().anyMatch(one -> holds(one.getCaseMediator(), what))
                    || otherwise != null && holds(otherwise.getCaseMediator(), what);
        }
        return where instanceof ListMediator
                && ((ListMediator) where).getList().stream().anyMatch(child -> holds(child, what));
    }
}
