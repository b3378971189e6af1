package org.modelfailover.synapse.api;

import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.synapse.Mediator;
import org.apache.synapse.config.SynapseConfiguration;
import org.apache.synapse.config.xml.SwitchCase;
import org.apache.synapse.mediators.ListMediator;
import org.apache.synapse.mediators.base.SequenceMediator;
import org.apache.synapse.mediators.ext.ClassMediator;
import org.apache.synapse.mediators.filters.FilterMediator;
import org.apache.synapse.mediators.filters.SwitchMediator;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Whether an API's response policies need the body of an answer. The engine builds the message for
 * such a mediator: a stream would hold a worker until its end, and reach the client in one piece.
 *
 * <p>Looks where API Manager's {@code APIManagerExtensionHandler} looks for response policies. What
 * is found is kept until one of the sequences is deployed again.
 */
public final class ResponsePolicies {
    private static final Log LOG = LogFactory.getLog(ResponsePolicies.class);

    /** References between sequences that are followed, so that a circle has an end. */
    private static final int DEEPEST_REFERENCE = 10;

    /** The APIs for which a sequence has been named in the log, for all policies that find it. */
    private static final Map<Object, Set<String>> SAID =
            Collections.synchronizedMap(new WeakHashMap<>());

    private volatile Known known = new Known(List.of(), false);

    private static final class Known {
        final List<Object> sequences;
        final boolean needBody;

        Known(List<Object> sequences, boolean needBody) {
            this.sequences = sequences;
            this.needBody = needBody;
        }

        boolean isOf(List<Object> others) {
            for (int i = 0; i < others.size(); i++) {
                if (sequences.size() <= i || sequences.get(i) != others.get(i)) {
                    return false;
                }
            }
            return true;
        }
    }

    /**
     * Whether streams have to be collected. Says so in the log, once.
     *
     * @param restApi the API's name in the engine
     */
    public boolean needBody(SynapseConfiguration configuration, String restApi) {
        Map<?, ?> registry = configuration.getLocalRegistry();
        String[] names = {"WSO2AM--Ext--Out", "WSO2AMGW--Ext--Out", restApi + "--Out"};
        List<Object> sequences = new ArrayList<>(names.length);
        for (String name : names) {
            sequences.add(registry.get(name));
        }
        Known now = known;
        if (!now.isOf(sequences)) {
            boolean needBody = false;
            for (int i = 0; i < names.length; i++) {
                needBody |= says(registry, names[i], sequences.get(i), restApi);
            }
            now = new Known(sequences, needBody);
            known = now;
        }
        return now.needBody;
    }

    private static boolean says(Map<?, ?> registry, String name, Object sequence, String restApi) {
        Mediator reader = reader(registry, sequence, 0);
        if (reader != null
                && SAID.computeIfAbsent(sequence, any -> ConcurrentHashMap.newKeySet())
                        .add(restApi)) {
            LOG.warn(
                    ApiNames.describe(restApi, restApi)
                            + ": streams of this API are collected and reach the client as whole"
                            + " answers, because the mediator "
                            + name(reader)
                            + " in the sequence "
                            + name
                            + " needs the body");
        }
        return reader != null;
    }

    /** The first mediator that needs the body, or null. */
    private static Mediator reader(Map<?, ?> registry, Object where, int depth) {
        if (where instanceof SequenceMediator && ((SequenceMediator) where).getKey() != null) {
            String key = ((SequenceMediator) where).getKey().getKeyValue();
            return key == null || depth == DEEPEST_REFERENCE
                    ? null
                    : reader(registry, registry.get(key), depth + 1);
        }
        if (where instanceof FilterMediator || where instanceof SwitchMediator) {
            // Their own expression alone, not that of what they hold.
            if (((Mediator) where).isContentAware()) {
                return (Mediator) where;
            }
        }
        if (where instanceof SwitchMediator) {
            SwitchMediator branches = (SwitchMediator) where;
            for (SwitchCase one : branches.getCases()) {
                Mediator found = reader(registry, one.getCaseMediator(), depth);
                if (found != null) {
                    return found;
                }
            }
            SwitchCase otherwise = branches.getDefaultCase();
            return otherwise == null ? null : reader(registry, otherwise.getCaseMediator(), depth);
        }
        if (where instanceof ListMediator) {
            Mediator found =
                    where instanceof FilterMediator
                            ? reader(registry, ((FilterMediator) where).getElseMediator(), depth)
                            : null;
            return found != null
                    ? found
                    : ((ListMediator) where)
                            .getList().stream()
                                    .map(child -> reader(registry, child, depth))
                                    .filter(Objects::nonNull)
                                    .findFirst()
                                    .orElse(null);
        }
        return where instanceof Mediator && ((Mediator) where).isContentAware()
                ? (Mediator) where
                : null;
    }

    private static String name(Mediator mediator) {
        return mediator instanceof ClassMediator
                ? ((ClassMediator) mediator).getMediator().getClass().getName()
                : mediator.getType();
    }
}
