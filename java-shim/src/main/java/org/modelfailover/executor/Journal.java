package org.modelfailover.executor;

/** Where the native side writes what operators do through its listener. */
@FunctionalInterface
public interface Journal {
    /**
     * Writes a line; must not throw.
     *
     * @param line what was done, to which candidate, by whom
     */
    void say(String line);
}
