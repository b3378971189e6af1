package org.modelfailover.apimanager;

import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.ProviderProcess;

import java.util.List;
import java.util.stream.Stream;

/** A provider's API as its clients call it: a row of docs/providers.md. */
final class ApiSurface {
    /** Questions with spaces, escapes and numbers as only clients spell them. */
    private static final String CHAT =
            "{ \"max_tokens\":1e2, \"model\" : \"{model}\",\n\t\"messages\":[{\"role\":\"user\","
                    + "\"content\":\"Gr\\u00fc\\u00dfe aus Graz\"}] }";

    private static final String RESPONSE =
            "{ \"temperature\":0.70, \"model\" : \"{model}\",\n"
                    + "\t\"input\":\"Gr\\u00fc\\u00dfe aus Graz\" }";
    private static final String CONTENT =
            "{ \"contents\" :[{\"role\":\"user\",\"parts\":[{\"text\":\"Gr\\u00fc\\u00dfe aus"
                    + " Graz\"}]}],\n"
                    + "\t\"generationConfig\":{\"temperature\":0.70} }";
    private static final String CONVERSE =
            "{ \"messages\" :[{\"role\":\"user\",\"content\":[{\"text\":\"Gr\\u00fc\\u00dfe aus"
                    + " Graz\"}]}],\n"
                    + "\t\"inferenceConfig\":{\"temperature\":0.70} }";
    private static final String OWN =
            "{ \"heat\":0.70,\n\t\"engine\" : {\"size\":1e3, \"name\" :\"{model}\"},"
                    + " \"prompt\":\"Gr\\u00fc\\u00dfe aus Graz\" }";

    private static final String VERTEX = "/v1/projects/p-1/locations/global/publishers";

    private final String name;
    private final AiProvider provider;
    private final ProviderKey key;
    private String base;
    private String path;
    private String streamPath;
    private String body;
    private WireFormat format;
    private Model target;
    private Model fallback;
    private String directives = "";

    /** A model as the portal's editor stores it. */
    record Model(String vendor, String name) {
        private FailoverConfigs.Candidate at(String endpoint) {
            return new FailoverConfigs.Candidate(vendor, name, endpoint, endpoint);
        }

        @Override
        public String toString() {
            return name;
        }
    }

    private ApiSurface(String name, AiProvider provider, ProviderKey key) {
        this.name = name;
        this.provider = provider;
        this.key = key;
    }

    /** All of them, in the page's order. */
    static List<ApiSurface> all() {
        return Stream.of(openAis(), others()).flatMap(List::stream).toList();
    }

    /** Those that speak one of OpenAI's formats. */
    private static List<ApiSurface> openAis() {
        return List.of(
                new ApiSurface(
                                "OpenAI, chat completions",
                                AiProvider.OPENAI,
                                ProviderKey.AUTHORIZATION)
                        .at("/v1", "/chat/completions")
                        .asks(WireFormat.CHAT, CHAT)
                        .of("gpt-4o", "gpt-4o-mini"),
                new ApiSurface("OpenAI, completions", AiProvider.OPENAI, ProviderKey.AUTHORIZATION)
                        .at("/v1", "/completions")
                        .asks(WireFormat.COMPLETIONS, RESPONSE.replace("input", "prompt"))
                        .of("gpt-3.5-turbo-instruct", "davinci-002"),
                new ApiSurface("OpenAI, Responses", AiProvider.OPENAI, ProviderKey.AUTHORIZATION)
                        .at("/v1", "/responses")
                        .asks(WireFormat.RESPONSES, RESPONSE)
                        .of("gpt-5", "gpt-5-mini"),
                // The body bears the deployment's name, by which API Manager's policies decide.
                new ApiSurface("Azure OpenAI 1.0.0", AiProvider.AZURE_OPENAI_1, ProviderKey.API_KEY)
                        .at("/openai", "/deployments/{model}/chat/completions?api-version=1")
                        .asks(WireFormat.CHAT, CHAT.replace("{model}", "gpt-4o-eu"))
                        .of("gpt-4o-eu", "gpt-4o-us"),
                new ApiSurface(
                                "Azure OpenAI 2.0.0, chat completions",
                                AiProvider.AZURE_OPENAI_2,
                                ProviderKey.API_KEY)
                        .at("/openai/v1", "/chat/completions?api-version=preview")
                        .asks(WireFormat.CHAT, CHAT)
                        .of("gpt-4o-eu", "gpt-4o-us"),
                new ApiSurface(
                                "Azure OpenAI 2.0.0, Responses",
                                AiProvider.AZURE_OPENAI_2,
                                ProviderKey.API_KEY)
                        .at("/openai/v1", "/responses?api-version=preview")
                        .asks(WireFormat.RESPONSES, RESPONSE)
                        .of("gpt-5-eu", "gpt-5-us"),
                new ApiSurface("Azure AI Foundry", AiProvider.AZURE_AI_FOUNDRY, ProviderKey.API_KEY)
                        .at("", "/models/chat/completions?api-version=2024-05-01-preview")
                        .asks(WireFormat.CHAT, CHAT)
                        .of("Meta", "Llama-3.3-70B-Instruct", "DeepSeek", "DeepSeek-V3.1"),
                new ApiSurface("Mistral", AiProvider.MISTRAL, ProviderKey.AUTHORIZATION)
                        .at("/v1", "/chat/completions")
                        .asks(WireFormat.CHAT, CHAT)
                        .of("mistral-large-latest", "mistral-small-latest")
                        .behaves("~usage=finish~strict"));
    }

    private static List<ApiSurface> others() {
        return List.of(
                new ApiSurface("Anthropic", AiProvider.ANTHROPIC, ProviderKey.X_API_KEY)
                        .at("/v1", "/messages")
                        .asks(WireFormat.MESSAGES, CHAT)
                        .of("claude-sonnet-4-5", "claude-haiku-4-5"),
                new ApiSurface("Gemini 1.0.0", AiProvider.GEMINI_1_0, ProviderKey.X_GOOG_API_KEY)
                        .atGoogle("/v1beta", "?alt=sse")
                        .asks(WireFormat.GEMINI, CONTENT)
                        .of("gemini-2.5-pro", "gemini-2.5-flash"),
                new ApiSurface("Gemini 1.1.0", AiProvider.GEMINI_1_1, ProviderKey.X_GOOG_API_KEY)
                        .atGoogle("/v1beta", "?alt=sse")
                        .asks(WireFormat.GEMINI, CONTENT)
                        .of("gemini-2.5-pro", "gemini-2.5-flash"),
                new ApiSurface(
                                "Gemini 1.1.0, stream as an array, key in the query",
                                AiProvider.GEMINI_1_1,
                                ProviderKey.QUERY)
                        .atGoogle("/v1beta", "")
                        .asks(WireFormat.GEMINI_ARRAY, CONTENT)
                        .of("gemini-2.5-pro", "gemini-2.5-flash"),
                new ApiSurface("AWS Bedrock, Converse", AiProvider.BEDROCK, ProviderKey.AWS)
                        .at("", "/model/{model}/converse", "/model/{model}/converse-stream")
                        .asks(WireFormat.CONVERSE, CONVERSE)
                        .of(
                                "Anthropic",
                                "anthropic.claude-3-5-sonnet-20241022-v2:0",
                                "Amazon",
                                "amazon.nova-lite-v1:0"),
                new ApiSurface("AWS Bedrock, InvokeModel", AiProvider.BEDROCK, ProviderKey.AWS)
                        .at(
                                "",
                                "/model/{model}/invoke",
                                "/model/{model}/invoke-with-response-stream")
                        .asks(WireFormat.INVOKE, message("bedrock-2023-05-31"))
                        .of(
                                "Anthropic",
                                "anthropic.claude-3-5-sonnet-20241022-v2:0",
                                "Anthropic",
                                "anthropic.claude-3-haiku-20240307-v1:0"),
                new ApiSurface(
                                "Vertex AI, Gemini",
                                AiProvider.VERTEX_GEMINI,
                                ProviderKey.AUTHORIZATION)
                        .atGoogle(VERTEX + "/google", "?alt=sse")
                        .asks(WireFormat.GEMINI, CONTENT)
                        .of("gemini-2.5-pro", "gemini-2.5-flash"),
                new ApiSurface(
                                "Vertex AI, Anthropic",
                                AiProvider.VERTEX_ANTHROPIC,
                                ProviderKey.AUTHORIZATION)
                        .at(
                                VERTEX + "/anthropic",
                                "/models/{model}:rawPredict",
                                "/models/{model}:streamRawPredict")
                        .asks(WireFormat.MESSAGES, message("vertex-2023-10-16"))
                        .of("claude-sonnet-4-5@20250929", "claude-haiku-4-5@20251001"),
                new ApiSurface(
                                "an administrator's own",
                                AiProvider.ADMIN_DEFINED,
                                ProviderKey.X_API_KEY)
                        .at("", "/generate")
                        .asks(WireFormat.OWN, OWN)
                        .of("engine-9", "engine-3"),
                new ApiSurface("the API names none", null, ProviderKey.AUTHORIZATION)
                        .at("/v1", "/chat/completions")
                        .asks(WireFormat.CHAT, CHAT)
                        .of("gpt-4o", "gpt-4o-mini"));
    }

    /** Anthropic's question where the path names the model. */
    private static String message(String version) {
        return CHAT.replace(
                "\"model\" : \"{model}\"", "\"anthropic_version\" : \"" + version + "\"");
    }

    private ApiSurface at(String base, String path) {
        return at(base, path, path);
    }

    /** Paths in an endpoint's URL, and behind it; {@code {model}} stands for the model. */
    private ApiSurface at(String base, String path, String streamPath) {
        this.base = base;
        this.path = path;
        this.streamPath = streamPath;
        return this;
    }

    private ApiSurface atGoogle(String base, String query) {
        return at(
                base,
                "/models/{model}:generateContent",
                "/models/{model}:streamGenerateContent" + query);
    }

    private ApiSurface asks(WireFormat format, String body) {
        this.format = format;
        this.body = body;
        return this;
    }

    private ApiSurface of(String target, String fallback) {
        return of("", target, "", fallback);
    }

    private ApiSurface of(
            String targetVendor, String target, String fallbackVendor, String fallback) {
        this.target = new Model(targetVendor, target);
        this.fallback = new Model(fallbackVendor, fallback);
        return this;
    }

    /** What the simulated provider needs to be told to be like this one. */
    private ApiSurface behaves(String directives) {
        this.directives = directives;
        return this;
    }

    /** Gives an API two endpoints, and the policy with one candidate at each. */
    TestDeployment deployment(TestDeployment api, ProviderProcess one, ProviderProcess two) {
        for (ProviderProcess endpoint : List.of(one, two)) {
            api.endpoint(endpoint.name(), endpoint.origin() + base);
            key.give(api, endpoint.name());
        }
        return api.failover(
                FailoverConfigs.empty()
                        .production(List.of(target.at(one.name()), fallback.at(two.name())))
                        .sandbox(List.of(new Model("", "").at("")))
                        .requestTimeout("5")
                        .suspendDuration("")
                        .attributes());
    }

    /** The path of a question to this model, behind {@link #base}. */
    String path(Model model, boolean stream) {
        return (stream ? streamPath : path).replace("{model}", model.name());
    }

    /** A question to this model. */
    String body(Model model, boolean stream) {
        String named = body.replace("{model}", model.name());
        return stream && path.equals(streamPath)
                ? named.replaceFirst("\\{", "{ \"stream\" : true,")
                : named;
    }

    /** Null: the API names none. */
    AiProvider provider() {
        return provider;
    }

    ProviderKey key() {
        return key;
    }

    WireFormat format() {
        return format;
    }

    /** The path in the endpoints' URLs. */
    String base() {
        return base;
    }

    Model target() {
        return target;
    }

    Model fallback() {
        return fallback;
    }

    String directives() {
        return directives;
    }

    @Override
    public String toString() {
        return name;
    }
}
