package org.modelfailover.gateway.demo;

import java.io.IOException;

/**
 * One scene of the story.
 *
 * @param title what happens, in a few words
 * @param meaning why it matters, in a sentence or two
 * @param scene does it
 */
record Step(String title, String meaning, Scene scene) {
    /** What is done, told and checked in a step. */
    @FunctionalInterface
    interface Scene {
        void play(Teller teller) throws IOException, InterruptedException;
    }
}
