package org.modelfailover.gateway;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * One API to deploy: what a revision of an AI API tells a gateway, as plain files. The format is
 * described in {@code tests/gateway/README.md}.
 *
 * @param api name, version, context and tenant
 * @param endpoints in the order of the file
 * @param policies rendered request-flow policies, in order
 * @param responsePolicies rendered response-flow policies, in order
 * @param faultPolicies rendered fault-flow policies, in order
 * @param bundle the mediator's jar, when the folder brings its own
 * @param settings a {@code deployment.toml}, when the folder brings one
 * @param senders the engine's transport senders, when the folder brings them
 */
public record DeploymentFolder(
        Api api,
        List<Endpoint> endpoints,
        List<Policy> policies,
        List<Policy> responsePolicies,
        List<Policy> faultPolicies,
        Optional<Path> bundle,
        Optional<Path> settings,
        Optional<Path> senders) {

    /**
     * The API itself.
     *
     * @param provider the AI service provider's name, as API Manager's {@code llmProviderId} refers
     *     to it; empty when the folder does not say
     * @param hostAiMediator whether API Manager's own {@code AIAPIMediator} serves the API, and not
     *     the stand-in; its jars have to be there then
     * @param handlers the API's handlers in order, in place of the two stand-ins; empty when the
     *     folder does not say
     */
    public record Api(
            String name,
            String version,
            String context,
            String tenant,
            Optional<String> provider,
            boolean hostAiMediator,
            List<ApiHandler> handlers) {
        /**
         * {@code <name>--v<version>}: how API Manager begins the names of endpoints and sequences.
         */
        public String endpointKey() {
            return name + "--v" + version;
        }

        /** The name the API has in Synapse, and the prefix of its policy sequences. */
        public String synapseName() {
            return "prod--" + name + ":v" + version;
        }
    }

    /** A handler of the API; its properties are given to setters, as the host's factory does. */
    public record ApiHandler(String className, Map<String, String> properties) {}

    /** Which keys an endpoint serves. */
    public enum Stage {
        PRODUCTION,
        SANDBOX,
        BOTH;

        boolean serves(Stage stage) {
            return this == BOTH || this == stage;
        }
    }

    /** Where an API key is put. */
    public enum KeyPlace {
        HEADER,
        QUERY_PARAMETER
    }

    /** An endpoint's own credential. */
    public sealed interface Security permits ApiKey, AwsKey {}

    /** A key that is sent as it is. */
    public record ApiKey(String identifier, KeyPlace place, String value) implements Security {
        @Override
        public String toString() {
            return "ApiKey[" + identifier + ", " + place + "]";
        }
    }

    /** A key that requests are signed with, by AWS Signature Version 4. */
    public record AwsKey(String accessKey, String secretKey, String region, String service)
            implements Security {
        @Override
        public String toString() {
            return "AwsKey[" + accessKey + ", " + region + ", " + service + "]";
        }
    }

    /**
     * An AI endpoint; {@code isDefault} makes it the one for requests no policy has decided for.
     */
    public record Endpoint(
            String id, String url, Stage stage, boolean isDefault, Optional<Security> security) {}

    /** A policy as API Manager rendered it: one or more mediators without a root element. */
    public record Policy(String file, String xml) {}

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_.-]+");
    private static final Pattern CONTEXT = Pattern.compile("(/[A-Za-z0-9_.~-]+)+");
    private static final Pattern POLICY_FILE = Pattern.compile("\\d\\d-.+\\.xml");

    /**
     * Reads a folder.
     *
     * @throws GatewayException naming the file and what is wrong with it
     */
    public static DeploymentFolder read(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new GatewayException(folder + ": no such folder");
        }
        Api api = api(new Source(folder.resolve("api.json")));
        List<Endpoint> endpoints = endpoints(new Source(folder.resolve("endpoints.json")));
        return new DeploymentFolder(
                api,
                endpoints,
                policies(folder.resolve("policies")),
                policies(folder.resolve("response-policies")),
                policies(folder.resolve("fault-policies")),
                optional(folder.resolve("bundle.jar")),
                optional(folder.resolve("deployment.toml")),
                optional(folder.resolve("senders.xml")));
    }

    /** The endpoints of a stage, the default one first found by {@link #defaultEndpoint}. */
    List<Endpoint> endpoints(Stage stage) {
        return endpoints.stream().filter(e -> e.stage().serves(stage)).collect(Collectors.toList());
    }

    /** The endpoint marked as default among those of a stage, else the first; empty if none. */
    Optional<Endpoint> defaultEndpoint(Stage stage) {
        List<Endpoint> all = endpoints(stage);
        return all.stream()
                .filter(Endpoint::isDefault)
                .findFirst()
                .or(() -> all.stream().findFirst());
    }

    private static Api api(Source source) {
        JsonObject json = source.object(source.parse(), "");
        source.refuseUnknown(
                json,
                "",
                Set.of(
                        "name",
                        "version",
                        "context",
                        "tenant",
                        "provider",
                        "hostAiMediator",
                        "handlers"));
        String name = source.matching(json, "", "name", NAME);
        String version = source.matching(json, "", "version", NAME);
        String context = source.matching(json, "", "context", CONTEXT);
        String tenant = source.optionalText(json, "", "tenant").orElse("carbon.super");
        return new Api(
                name,
                version,
                context,
                tenant,
                source.optionalText(json, "", "provider"),
                source.flag(json, "", "hostAiMediator"),
                handlers(source, json));
    }

    private static List<ApiHandler> handlers(Source source, JsonObject json) {
        List<ApiHandler> handlers = new ArrayList<>();
        if (json.has("handlers")) {
            JsonArray array = source.array(json.get("handlers"), "handlers");
            for (int i = 0; i < array.size(); i++) {
                String at = "handlers[" + i + "]";
                JsonObject handler = source.object(array.get(i), at);
                source.refuseUnknown(handler, at + ".", Set.of("class", "properties"));
                Map<String, String> properties = new LinkedHashMap<>();
                if (handler.has("properties")) {
                    String in = at + ".properties";
                    JsonObject given = source.object(handler.get("properties"), in);
                    given.keySet()
                            .forEach(key -> properties.put(key, source.text(given, in + ".", key)));
                }
                handlers.add(new ApiHandler(source.text(handler, at + ".", "class"), properties));
            }
        }
        return List.copyOf(handlers);
    }

    private static List<Endpoint> endpoints(Source source) {
        JsonArray array = source.array(source.parse(), "");
        List<Endpoint> endpoints = new ArrayList<>();
        Set<String> ids = new TreeSet<>();
        for (int i = 0; i < array.size(); i++) {
            String at = "[" + i + "]";
            Endpoint endpoint = endpoint(source, source.object(array.get(i), at), at + ".");
            if (!ids.add(endpoint.id())) {
                throw source.error(at + ".id: \"" + endpoint.id() + "\" is used twice");
            }
            endpoints.add(endpoint);
        }
        for (Stage stage : List.of(Stage.PRODUCTION, Stage.SANDBOX)) {
            List<String> defaults =
                    endpoints.stream()
                            .filter(e -> e.isDefault() && e.stage().serves(stage))
                            .map(Endpoint::id)
                            .collect(Collectors.toList());
            if (defaults.size() > 1) {
                throw source.error("more than one default endpoint for " + stage + ": " + defaults);
            }
        }
        return List.copyOf(endpoints);
    }

    private static Endpoint endpoint(Source source, JsonObject json, String at) {
        source.refuseUnknown(json, at, Set.of("id", "url", "stage", "default", "security"));
        String id = source.matching(json, at, "id", NAME);
        String url = source.text(json, at, "url");
        try {
            URI uri = new URI(url);
            if (uri.getHost() == null || !List.of("http", "https").contains(uri.getScheme())) {
                throw source.error(
                        at + "url: \"" + url + "\" is not an absolute http or https URL");
            }
        } catch (URISyntaxException e) {
            throw source.error(at + "url: " + e.getMessage());
        }
        Stage stage = source.oneOf(json, at, "stage", Stage.class, Stage.BOTH);
        Optional<Security> security =
                json.has("security")
                        ? Optional.of(
                                security(
                                        source,
                                        source.object(json.get("security"), at + "security"),
                                        at))
                        : Optional.empty();
        return new Endpoint(id, url, stage, source.flag(json, at, "default"), security);
    }

    private static Security security(Source source, JsonObject json, String endpoint) {
        String at = endpoint + "security.";
        String type = source.text(json, at, "type");
        switch (type.toLowerCase(Locale.ROOT)) {
            case "apikey" -> {
                source.refuseUnknown(json, at, Set.of("type", "identifier", "in", "value"));
                return new ApiKey(
                        source.text(json, at, "identifier"),
                        source.oneOf(json, at, "in", KeyPlace.class, KeyPlace.HEADER),
                        source.text(json, at, "value"));
            }
            case "aws" -> {
                source.refuseUnknown(
                        json, at, Set.of("type", "accessKey", "secretKey", "region", "service"));
                return new AwsKey(
                        source.text(json, at, "accessKey"),
                        source.text(json, at, "secretKey"),
                        source.text(json, at, "region"),
                        source.text(json, at, "service"));
            }
            default ->
                    throw source.error(
                            at
                                    + "type: only \"apikey\" and \"aws\" are supported, not \""
                                    + type
                                    + "\"");
        }
    }

    private static List<Policy> policies(Path folder) {
        if (!Files.exists(folder)) {
            return List.of();
        }
        List<Path> files;
        try (Stream<Path> entries = Files.list(folder)) {
            files = entries.sorted().collect(Collectors.toList());
        } catch (IOException e) {
            throw new GatewayException(folder + ": " + e, e);
        }
        List<Policy> policies = new ArrayList<>();
        for (Path file : files) {
            if (!POLICY_FILE.matcher(file.getFileName().toString()).matches()) {
                throw new GatewayException(
                        file
                                + ": a policy's file is named NN-name.xml, with two digits for the"
                                + " order");
            }
            String xml = new Source(file).content();
            try {
                PolicyTemplate.mediators(xml);
            } catch (PolicyTemplate.Dropped e) {
                throw new GatewayException(file + ": " + e.getMessage(), e);
            }
            policies.add(new Policy(folder.getFileName() + "/" + file.getFileName(), xml));
        }
        return List.copyOf(policies);
    }

    private static Optional<Path> optional(Path file) {
        return Files.exists(file) ? Optional.of(file.toAbsolutePath()) : Optional.empty();
    }

    /** One file, and errors that name it. */
    private record Source(Path file) {
        GatewayException error(String message) {
            return new GatewayException(file + ": " + message);
        }

        String content() {
            try {
                return Files.readString(file);
            } catch (java.nio.file.NoSuchFileException e) {
                throw error("missing");
            } catch (IOException e) {
                throw error(e.toString());
            }
        }

        JsonElement parse() {
            try {
                return JsonParser.parseString(content());
            } catch (JsonParseException e) {
                throw error("not JSON: " + e.getMessage());
            }
        }

        JsonObject object(JsonElement element, String at) {
            if (!element.isJsonObject()) {
                throw error((at.isEmpty() ? "" : at + ": ") + "must be a JSON object");
            }
            return element.getAsJsonObject();
        }

        JsonArray array(JsonElement element, String at) {
            if (!element.isJsonArray() || element.getAsJsonArray().isEmpty()) {
                throw error(
                        (at.isEmpty() ? "" : at + ": ")
                                + "must be a JSON array with at least one element");
            }
            return element.getAsJsonArray();
        }

        void refuseUnknown(JsonObject json, String at, Set<String> known) {
            for (String key : json.keySet()) {
                if (!known.contains(key)) {
                    throw error(at + key + ": unknown key; known are " + new TreeSet<>(known));
                }
            }
        }

        Optional<String> optionalText(JsonObject json, String at, String key) {
            return json.has(key) ? Optional.of(text(json, at, key)) : Optional.empty();
        }

        String text(JsonObject json, String at, String key) {
            JsonElement value = json.get(key);
            if (value == null) {
                throw error(at + key + ": missing");
            }
            if (!value.isJsonPrimitive() || !value.getAsJsonPrimitive().isString()) {
                throw error(at + key + ": must be a string");
            }
            if (value.getAsString().isEmpty()) {
                throw error(at + key + ": must not be empty");
            }
            return value.getAsString();
        }

        String matching(JsonObject json, String at, String key, Pattern pattern) {
            String value = text(json, at, key);
            if (!pattern.matcher(value).matches()) {
                throw error(at + key + ": \"" + value + "\" does not match " + pattern);
            }
            return value;
        }

        boolean flag(JsonObject json, String at, String key) {
            JsonElement value = json.get(key);
            if (value == null) {
                return false;
            }
            if (!value.isJsonPrimitive() || !value.getAsJsonPrimitive().isBoolean()) {
                throw error(at + key + ": must be true or false");
            }
            return value.getAsBoolean();
        }

        <E extends Enum<E>> E oneOf(
                JsonObject json, String at, String key, Class<E> type, E absent) {
            if (!json.has(key)) {
                return absent;
            }
            String value = text(json, at, key);
            try {
                return Enum.valueOf(type, value.toUpperCase(Locale.ROOT));
            } catch (IllegalArgumentException e) {
                throw error(
                        at
                                + key
                                + ": \""
                                + value
                                + "\" is none of "
                                + List.of(type.getEnumConstants()));
            }
        }
    }
}
