package org.apache.synapse.continuation;

import org.apache.synapse.MessageContext;
import org.apache.synapse.mediators.base.SequenceType;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Stands for the class of WSO2's engine by which the answer to a call finds its way back. */
public class ContinuationStackManager {
    /** What was taken off. */
    public static final List<String> REMOVED = new CopyOnWriteArrayList<>();

    public static void removeReliantContinuationState(MessageContext context) {
        REMOVED.add("branch");
    }

    public static void removeSeqContinuationState(MessageContext context, SequenceType type) {
        REMOVED.add(type.name());
    }
}
