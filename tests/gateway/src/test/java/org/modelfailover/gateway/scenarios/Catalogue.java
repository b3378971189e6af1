package org.modelfailover.gateway.scenarios;

import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/** The files of {@code tests/scenarios}, one for each concern. */
final class Catalogue {
    private Catalogue() {}

    /**
     * All scenarios, by file and place in it.
     *
     * @throws IllegalArgumentException if a file is not as the README says
     */
    static List<Scenario> read(Path folder) throws IOException {
        TreeSet<Path> files = new TreeSet<>();
        try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, "*.json")) {
            found.forEach(files::add);
        }
        List<Scenario> scenarios = new ArrayList<>();
        for (Path file : files) {
            String name = file.getFileName().toString();
            try {
                int number = 1;
                Fields whole = new Fields(name, JsonParser.parseString(Files.readString(file)));
                whole.required("concern");
                for (Fields fields : whole.objects("scenarios")) {
                    scenarios.addAll(Scenario.read(name, number++, fields));
                }
                whole.done();
            } catch (JsonParseException e) {
                throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
            }
        }
        return scenarios;
    }
}
