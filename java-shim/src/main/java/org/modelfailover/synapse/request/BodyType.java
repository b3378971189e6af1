package org.modelfailover.synapse.request;

import org.apache.axis2.context.MessageContext;
import org.modelfailover.executor.Executor;
import org.modelfailover.synapse.engine.Properties;

import java.util.Objects;

/** Which requests can carry a model: methods without a body and other types are not read. */
public final class BodyType {
    /** Nearly all have the same: the executor is asked when another one comes. */
    private static volatile BodyType last = new BodyType(null);

    private final String declared;
    private final boolean canNameModel;

    private BodyType(String declared) {
        this.declared = declared;
        canNameModel = Executor.canNameModel(declared);
    }

    public static boolean canCarryModel(MessageContext axis2) {
        if (Boolean.TRUE.equals(axis2.getProperty(Properties.NO_ENTITY_BODY))) {
            return false;
        }
        if (axis2.getProperty(Properties.PIPE) == null && !BuiltBody.isBuilt(axis2)) {
            return false;
        }
        String declared = (String) axis2.getProperty(Properties.CONTENT_TYPE);
        BodyType known = last;
        if (!Objects.equals(known.declared, declared)) {
            known = new BodyType(declared);
            last = known;
        }
        return known.canNameModel;
    }
}
