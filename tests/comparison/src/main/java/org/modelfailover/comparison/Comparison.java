package org.modelfailover.comparison;

import org.modelfailover.apimanager.HostStatics;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/** Plays all situations with both policies and makes a page of what came of it. */
public final class Comparison {
    private Comparison() {}

    /**
     * Runs it. The exit status is 1 when the page could not be made, or is another than the one
     * that is there.
     *
     * @param args the page's file, and {@code --check} when it shall be compared and not written
     */
    public static void main(String[] args) {
        int status = 1;
        try {
            status = run(Path.of(args[0]), args.length > 1 && args[1].equals("--check"));
        } catch (Exception e) {
            e.printStackTrace();
        } finally {
            // The engine leaves threads behind.
            System.exit(status);
        }
    }

    private static int run(Path file, boolean check) throws Exception {
        String page = page(table());
        if (!check) {
            Files.writeString(file, page);
            return 0;
        }
        List<String> before = Files.readAllLines(file);
        List<String> differing = page.lines().filter(line -> !before.contains(line)).toList();
        if (differing.isEmpty()) {
            return 0;
        }
        System.err.println("Not as " + file + " says; `make compare` writes it anew:");
        differing.forEach(System.err::println);
        return 1;
    }

    private static String table() throws Exception {
        HostStatics.prepare();
        Path folder = Files.createTempDirectory("comparison-");
        ExecutorService players = Executors.newFixedThreadPool(Side.values().length);
        // The first gateway's timer is everybody's: all are closed when all have done.
        List<ComparedApis> compared = new ArrayList<>();
        try {
            Map<Side, Future<List<String>>> told = new EnumMap<>(Side.class);
            for (Side side : Side.values()) {
                ComparedApis apis =
                        new ComparedApis(Files.createDirectory(folder.resolve(side.name())));
                compared.add(apis);
                told.put(side, players.submit(() -> play(apis, side)));
            }
            StringBuilder table = new StringBuilder();
            List<Situation> situations = Situation.all();
            for (int i = 0; i < situations.size(); i++) {
                table.append("| ").append(situations.get(i).name);
                for (Side side : Side.values()) {
                    table.append(" | ").append(told.get(side).get().get(i));
                }
                table.append(" |\n");
            }
            return table.toString().stripTrailing();
        } finally {
            players.shutdownNow();
            compared.forEach(ComparedApis::close);
            try (Stream<Path> files = Files.walk(folder)) {
                files.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
            }
        }
    }

    private static List<String> play(ComparedApis apis, Side side) throws Exception {
        // The first request loads hundreds of classes, longer than a client may want to wait.
        Situation.all().get(0).play(apis, side);
        List<String> told = new ArrayList<>();
        for (Situation situation : Situation.all()) {
            told.add(situation.play(apis, side));
        }
        return told;
    }

    private static String page(String table) throws IOException {
        try (var in = Comparison.class.getResourceAsStream("/comparison.md")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).replace("@table@", table);
        }
    }
}
