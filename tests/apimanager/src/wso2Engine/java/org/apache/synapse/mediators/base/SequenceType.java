package org.apache.synapse.mediators.base;

/** Stands for the kinds of sequences in WSO2's engine. */
public enum SequenceType {
    NAMED,
    ANON
}
