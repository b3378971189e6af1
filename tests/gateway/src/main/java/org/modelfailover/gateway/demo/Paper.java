package org.modelfailover.gateway.demo;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Standard output, with a little colour on a terminal. */
final class Paper {
    private static final int WIDTH = 100;
    private static final int LABEL = 12;
    private static final String INDENT = "  ";

    /** Its own stream: always UTF-8, and not {@code System.out}, which belongs to the engine. */
    private final PrintStream out =
            new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);

    private final boolean colour = isTerminal();

    /** {@code System.console()} says something else on every version of Java; the shell knows. */
    private static boolean isTerminal() {
        String term = System.getenv("TERM");
        if (term == null || term.equals("dumb") || System.getenv("NO_COLOR") != null) {
            return false;
        }
        try {
            return new ProcessBuilder("sh", "-c", "test -t 1").inheritIO().start().waitFor() == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    void title(String title) {
        gap();
        String rule = "─".repeat(Math.max(3, WIDTH - title.length() - 4));
        line(styled("1", "─ " + title) + " " + styled("2", rule));
    }

    void text(String text) {
        wrapped(text, WIDTH).forEach(this::line);
    }

    void row(String label, String text) {
        String shown = label;
        for (String part : wrapped(text, WIDTH - LABEL - INDENT.length())) {
            line(INDENT + styled("36", String.format("%-" + LABEL + "s", shown)) + part);
            shown = "";
        }
    }

    private static List<String> wrapped(String text, int width) {
        List<String> lines = new ArrayList<>();
        String rest = text;
        while (rest.length() > width) {
            int space = rest.lastIndexOf(' ', width);
            int end = space > 0 ? space : width;
            lines.add(rest.substring(0, end));
            rest = rest.substring(end).strip();
        }
        lines.add(rest);
        return lines;
    }

    void good(String text) {
        line(styled("32", text));
    }

    void bad(String text) {
        line(styled("31", text));
    }

    void check(boolean held, String text) {
        line(INDENT + (held ? styled("32", "✓ ") + text : styled("31", "✗ " + text)));
    }

    void gap() {
        line("");
    }

    void line(String text) {
        out.println(text);
    }

    private String styled(String code, String text) {
        return colour && !text.isBlank() ? "\033[" + code + "m" + text + "\033[0m" : text;
    }
}
