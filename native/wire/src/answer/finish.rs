//! The reasons with which an answer ends that is not all that was asked for.

/// Finish reasons with which a provider says that it failed: OpenRouter, Zhipu, DeepSeek.
pub(super) const FAILED: [&str; 3] = ["error", "network_error", "insufficient_system_resource"];

/// Finish reasons with which a content filter ends an answer: OpenAI and Azure, Zhipu, Gemini, Anthropic, Bedrock.
const FILTERED: [&str; 11] = [
    "content_filter",
    "content_filtered",
    "sensitive",
    "refusal",
    "guardrail_intervened",
    "SAFETY",
    "PROHIBITED_CONTENT",
    "BLOCKLIST",
    "SPII",
    "IMAGE_SAFETY",
    "RECITATION",
];

/// Whether a finish reason says that the model failed.
pub(crate) fn is_failure(finish_reason: &str) -> bool {
    FAILED.contains(&finish_reason)
}

/// Whether a finish reason says that a content filter has ended the answer.
pub(crate) fn is_filtered(finish_reason: &str) -> bool {
    FILTERED.contains(&finish_reason)
}
