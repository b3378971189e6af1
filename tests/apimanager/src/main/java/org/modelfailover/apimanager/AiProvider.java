package org.modelfailover.apimanager;

import com.google.gson.Gson;

import org.wso2.carbon.apimgt.api.APIManagementException;
import org.wso2.carbon.apimgt.api.AWSBedrockLLMProviderService;
import org.wso2.carbon.apimgt.api.AnthropicLLMProviderService;
import org.wso2.carbon.apimgt.api.AzureAiFoundryLLMProviderService;
import org.wso2.carbon.apimgt.api.AzureOpenAiLLMProviderService;
import org.wso2.carbon.apimgt.api.AzureOpenAiLLMProviderServiceV2;
import org.wso2.carbon.apimgt.api.DefaultLLMProviderService;
import org.wso2.carbon.apimgt.api.GeminiLLMProviderService;
import org.wso2.carbon.apimgt.api.GeminiLLMProviderServiceV1_1_0;
import org.wso2.carbon.apimgt.api.LLMProviderConfiguration;
import org.wso2.carbon.apimgt.api.LLMProviderMetadata;
import org.wso2.carbon.apimgt.api.LLMProviderService;
import org.wso2.carbon.apimgt.api.MistralAiLLMProviderService;
import org.wso2.carbon.apimgt.api.OpenAiLLMProviderService;
import org.wso2.carbon.apimgt.api.model.LLMProvider;
import org.wso2.carbon.apimgt.api.model.LLMProviderInfo;

import java.util.ArrayList;
import java.util.List;

/**
 * The AI service providers that the gateway knows: all that are built into API Manager 9.33.90,
 * with the host's own definitions, and some as an administrator defines them.
 */
public enum AiProvider {
    OPENAI("OpenAI", new OpenAiLLMProviderService()),
    MISTRAL("MistralAI", new MistralAiLLMProviderService()),
    AZURE_OPENAI_1("AzureOpenAI-1.0.0", new AzureOpenAiLLMProviderService()),
    AZURE_OPENAI_2("AzureOpenAI-2.0.0", new AzureOpenAiLLMProviderServiceV2()),
    AZURE_AI_FOUNDRY("AzureAIFoundry", new AzureAiFoundryLLMProviderService()),
    ANTHROPIC("Anthropic", new AnthropicLLMProviderService()),
    GEMINI_1_0("Gemini-1.0.0", new GeminiLLMProviderService()),
    GEMINI_1_1("Gemini-1.1.0", new GeminiLLMProviderServiceV1_1_0()),
    BEDROCK("AWSBedrock", new AWSBedrockLLMProviderService()),

    /** Built into later versions only. */
    VERTEX_GEMINI(
            "VertexAI-Gemini",
            from("requestModel", "pathParams", AiProvider.VERTEX_MODEL),
            from("responseModel", "pathParams", AiProvider.VERTEX_MODEL),
            from("promptTokenCount", "payload", "$.usageMetadata.promptTokenCount"),
            from("completionTokenCount", "payload", "$.usageMetadata.candidatesTokenCount"),
            from("totalTokenCount", "payload", "$.usageMetadata.totalTokenCount")),

    /** Built into later versions only. */
    VERTEX_ANTHROPIC(
            "VertexAI-Anthropic",
            from("requestModel", "pathParams", AiProvider.VERTEX_MODEL),
            from("responseModel", "payload", "$.model"),
            from("promptTokenCount", "payload", "$.usage.input_tokens"),
            from("completionTokenCount", "payload", "$.usage.output_tokens")),

    /** An administrator's own, unlike all others. */
    ADMIN_DEFINED(
            "EngineRoom",
            from("requestModel", "payload", "$.engine.name"),
            from("responseModel", "payload", "$.meta.engine"),
            from("promptTokenCount", "payload", "$.meta.billed.in"),
            from("completionTokenCount", "payload", "$.meta.billed.out"),
            from("remainingTokenCount", "header", "x-credit-left"));

    private static final String VERTEX_MODEL = "(?<=models/)[a-zA-Z0-9.@\\-]+";

    private final String id;
    private final LLMProviderService service;
    private final List<LLMProviderMetadata> metadata;

    AiProvider(String id, LLMProviderService service) {
        this.id = id;
        this.service = service;
        this.metadata = List.of();
    }

    AiProvider(String id, LLMProviderMetadata... metadata) {
        this.id = id;
        this.service = new DefaultLLMProviderService();
        this.metadata = List.of(metadata);
    }

    /** What {@code provider} of an {@code api.json} says; a UUID in API Manager. */
    public String id() {
        return id;
    }

    /** The host's class that reads its answers. */
    public LLMProviderService service() {
        return service;
    }

    /** Whether the definition is the host's own. */
    public boolean isBuiltIn() {
        return metadata.isEmpty();
    }

    LLMProviderInfo info() throws APIManagementException {
        LLMProviderInfo info = new LLMProviderInfo();
        info.setId(id);
        if (isBuiltIn()) {
            LLMProvider provider = service.getLLMProvider();
            info.setName(provider.getName());
            info.setApiVersion(provider.getApiVersion());
            info.setConfigurations(
                    new Gson()
                            .fromJson(
                                    provider.getConfigurations(), LLMProviderConfiguration.class));
        } else {
            LLMProviderConfiguration configuration = new LLMProviderConfiguration();
            configuration.setConnectorType(service.getType());
            configuration.setMetadata(new ArrayList<>(metadata));
            info.setName(id);
            info.setApiVersion("1.0.0");
            info.setConfigurations(configuration);
        }
        return info;
    }

    private static LLMProviderMetadata from(String attribute, String source, String identifier) {
        return new LLMProviderMetadata(attribute, source, identifier, false);
    }
}
