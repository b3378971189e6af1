package org.modelfailover.host;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The Model Failover policy as it lies in {@code policy-definitions/modelFailover}. */
final class Policy {
    static final String CLASS_NAME = "org.modelfailover.synapse.ModelFailoverMediator";

    private static final Path ROOT = Path.of(System.getProperty("project.root", "../.."));
    private static final Path FOLDER = ROOT.resolve("policy-definitions/modelFailover");

    private Policy() {}

    /** A file of the project, named from its root. */
    static Path projectFile(String name) {
        return ROOT.resolve(name).toAbsolutePath().normalize();
    }

    static String specificationText() {
        return read(FOLDER.resolve("modelFailover_v2.json"));
    }

    static JsonObject specification() {
        return JsonParser.parseString(specificationText()).getAsJsonObject();
    }

    static String template() {
        return read(FOLDER.resolve("modelFailover_v2.j2"));
    }

    static List<JsonObject> attributes() {
        List<JsonObject> attributes = new ArrayList<>();
        JsonArray array = specification().getAsJsonArray("policyAttributes");
        for (JsonElement element : array) {
            attributes.add(element.getAsJsonObject());
        }
        return attributes;
    }

    static List<String> attributeNames() {
        return attributes().stream().map(a -> a.get("name").getAsString()).toList();
    }

    static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
