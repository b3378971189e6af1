//! What OpenTelemetry's conventions for generative AI call things
//! (<https://github.com/open-telemetry/semantic-conventions-genai>, in development; read in November 2026).

/// `gen_ai.operation.name` of a request, by its path: what the conventions have no name for is the generation of some
/// content.
pub fn operation(path: &str) -> &'static str {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut segments = path.rsplit('/').filter(|segment| !segment.is_empty());
    let last = segments.next().unwrap_or_default();
    let chats = |before: Option<&str>| before == Some("chat");
    match last {
        "completions" if !chats(segments.next()) => "text_completion",
        "completions"
        | "chat"
        | "messages"
        | "responses"
        | "converse"
        | "converse-stream"
        | "invoke"
        | "invoke-with-response-stream" => "chat",
        "embeddings" | "embed" => "embeddings",
        _ if last.ends_with(":embedContent") || last.ends_with(":batchEmbedContents") => {
            "embeddings"
        }
        _ => "generate_content",
    }
}

/// `gen_ai.provider.name` by the name of the host's AI service provider; one that an administrator has defined has its
/// own, and of none nothing is known.
pub fn provider(name: Option<&str>) -> &str {
    match name.unwrap_or_default() {
        "" => "_OTHER",
        "OpenAI" => "openai",
        "Anthropic" => "anthropic",
        "AWSBedrock" => "aws.bedrock",
        "AzureOpenAI" => "azure.ai.openai",
        "AzureAIFoundry" => "azure.ai.inference",
        "Gemini" => "gcp.gemini",
        "VertexAI" => "gcp.vertex_ai",
        "MistralAI" => "mistral_ai",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_has_the_name_of_the_conventions() {
        for (path, name) in [
            ("/chat/completions", "chat"),
            (
                "/openai/deployments/gpt/chat/completions?api-version=1",
                "chat",
            ),
            ("/v1/completions", "text_completion"),
            ("/v1/messages/", "chat"),
            ("/v1/responses", "chat"),
            ("/model/a%3A0/converse-stream", "chat"),
            ("/v1/embeddings", "embeddings"),
            ("/v1beta/models/g:embedContent", "embeddings"),
            (
                "/v1beta/models/g:streamGenerateContent?alt=sse",
                "generate_content",
            ),
            ("/v1/images/generations", "generate_content"),
            ("", "generate_content"),
        ] {
            assert_eq!(operation(path), name, "{path}");
        }
    }

    #[test]
    fn a_provider_of_the_hosts_has_the_name_of_the_conventions() {
        assert_eq!(provider(Some("AWSBedrock")), "aws.bedrock");
        assert_eq!(provider(Some("Our own")), "Our own");
        assert_eq!(provider(None), "_OTHER");
    }
}
