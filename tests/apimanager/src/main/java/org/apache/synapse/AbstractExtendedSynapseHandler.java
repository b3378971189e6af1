package org.apache.synapse;

/** Stands for the class of this name in WSO2's Synapse, from which the host's handlers inherit. */
public abstract class AbstractExtendedSynapseHandler {
    public abstract boolean handleResponseOutFlow(MessageContext synCtx);
}
