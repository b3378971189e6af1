//! Why a provider refused: the recognisers of error bodies, in one table.
//!
//! Sources: OpenAI, "Error codes"; Azure OpenAI, "Content filtering" (`innererror.code`) and REST error codes;
//! Mistral, API errors; Anthropic, "Errors" and "Context windows"; Gemini, "Troubleshooting" and google.rpc.Code;
//! Amazon Bedrock, "Troubleshooting API error codes" and the Converse API's exceptions.

//!
//! A body is read as a tree of bounded size, and so many codes and so much of its messages as an error has.

use serde_json::Value;

use crate::outline;

/// What an error body says beyond its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The prompt does not fit into the model.
    ContextLength,
    /// A content filter or safety system refused.
    ContentFilter,
    /// The model or deployment does not exist there.
    ModelNotFound,
    /// The account has no credit, or the key is not valid.
    Account,
}

struct Recogniser {
    reason: Reason,
    statuses: &'static [u16],
    /// Values of `code`, `type`, `status`, `reason` or the like, in lower case.
    codes: &'static [&'static str],
    /// Fragments of the message, in lower case. Only where a provider gives no code.
    fragments: &'static [&'static str],
}

const RECOGNISERS: &[Recogniser] = &[
    Recogniser {
        reason: Reason::ContextLength,
        statuses: &[400, 413, 422],
        codes: &["context_length_exceeded", "context_window_exceeded", "3051"],
        fragments: &[
            "maximum context length",                // OpenAI, Azure, Mistral
            "prompt is too long",                    // Anthropic
            "exceed context limit",                  // Anthropic
            "exceeds the maximum number of tokens",  // Gemini
            "input is too long for requested model", // Bedrock
            "too many input tokens",                 // Bedrock
        ],
    },
    Recogniser {
        reason: Reason::ContentFilter,
        statuses: &[400, 403, 422],
        codes: &[
            "content_filter",               // Azure
            "responsibleaipolicyviolation", // Azure, innererror
            "content_policy_violation",     // OpenAI
            "moderation_blocked",           // OpenAI images
        ],
        fragments: &[
            "content management policy", // Azure
            "content filtering policy",  // Anthropic
            "safety system",             // OpenAI
            "blocked by guardrail",      // Bedrock
            "blocked due to safety",     // Gemini
        ],
    },
    Recogniser {
        reason: Reason::ModelNotFound,
        statuses: &[400, 404],
        codes: &[
            "model_not_found",           // OpenAI
            "deploymentnotfound",        // Azure
            "invalid_model",             // Mistral
            "1500",                      // Mistral
            "unknown_model",             // Azure AI Foundry
            "modelnotfound",             // Azure AI Foundry
            "resourcenotfoundexception", // Bedrock
        ],
        fragments: &[
            "invalid model",                          // Mistral
            "provided model identifier is invalid",   // Bedrock
            "could not resolve the foundation model", // Bedrock
            "marked by provider as legacy",           // Bedrock
            "is not found for api version",           // Gemini
        ],
    },
    Recogniser {
        reason: Reason::Account,
        statuses: &[400, 401, 402, 403],
        codes: &[
            "insufficient_quota",          // OpenAI
            "billing_hard_limit_reached",  // OpenAI
            "billing_not_active",          // OpenAI
            "billing_error",               // Anthropic
            "invalid_api_key",             // OpenAI
            "api_key_invalid",             // Gemini, a reason in the details of a 400
            "unrecognizedclientexception", // Bedrock
            "expiredtokenexception",       // Bedrock
        ],
        fragments: &[
            "credit balance is too low", // Anthropic
        ],
    },
];

/// What the body of a non-2xx answer says, if one of the recognisers knows it.
pub fn of(status: u16, error_type_header: Option<&str>, body: &[u8]) -> Option<Reason> {
    let mut words = Words::read(body);
    if let Some(header) = error_type_header {
        // Bedrock: `ValidationException:http://internal.amazon.com/…`
        words.code(header.split(':').next().unwrap_or_default());
    }
    if status == 404 && words.anthropic_model_not_found() {
        return Some(Reason::ModelNotFound);
    }
    RECOGNISERS
        .iter()
        .filter(|r| r.statuses.contains(&status))
        .find(|r| {
            words.codes.iter().any(|c| r.codes.contains(&c.as_str()))
                || r.fragments.iter().any(|f| words.message.contains(f))
        })
        .map(|r| r.reason)
}

/// Codes of one error body, the length of one, and the length of its messages, in bytes. Some providers quote the
/// request in them.
const MOST_CODES: usize = 32;
const LONGEST_CODE: usize = 256;
const LONGEST_MESSAGE: usize = 64 * 1024;

/// The codes and messages of an error body, in lower case.
#[derive(Default)]
struct Words {
    codes: Vec<String>,
    message: String,
}

impl Words {
    fn read(body: &[u8]) -> Words {
        let mut words = Words::default();
        if let Ok(outline) = outline::read(body) {
            match outline.value {
                Value::Array(items) => items.iter().for_each(|item| words.collect(item, 0)),
                value => words.collect(&value, 0),
            }
        }
        words
    }

    fn code(&mut self, code: &str) {
        if !code.is_empty() && code.len() <= LONGEST_CODE && self.codes.len() < MOST_CODES {
            self.codes.push(code.to_ascii_lowercase());
        }
    }

    fn sentence(&mut self, message: &str) {
        let room = LONGEST_MESSAGE.saturating_sub(self.message.len());
        let kept = message
            .char_indices()
            .map_while(|(at, c)| (at + c.len_utf8() <= room).then_some(c));
        self.message.extend(kept.flat_map(char::to_lowercase));
        self.message.push('\n');
    }

    fn collect(&mut self, value: &Value, depth: u8) {
        let Value::Object(object) = value else {
            return;
        };
        for (key, value) in object {
            match (key.as_str(), value) {
                ("code" | "type" | "status" | "reason" | "__type", Value::String(code)) => {
                    self.code(code);
                }
                ("code", Value::Number(code)) => self.code(&code.to_string()),
                ("message" | "Message" | "detail" | "error", Value::String(message)) => {
                    self.sentence(message);
                }
                ("error" | "innererror" | "detail" | "message", inner @ Value::Object(_))
                    if depth < 4 =>
                {
                    self.collect(inner, depth + 1);
                }
                ("details", Value::Array(items)) if depth < 4 => {
                    items.iter().for_each(|item| self.collect(item, depth + 1));
                }
                _ => {}
            }
        }
    }

    /// Anthropic names an unknown model only by `not_found_error` and a message that starts with `model:`.
    fn anthropic_model_not_found(&self) -> bool {
        self.codes.iter().any(|c| c == "not_found_error") && self.message.starts_with("model:")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_reason(status: u16, body: &str, expected: Option<Reason>) {
        assert_eq!(
            of(status, None, body.as_bytes()),
            expected,
            "{status} {body}"
        );
    }

    #[test]
    fn context_length_is_recognised_for_each_provider() {
        for (status, body) in [
            (
                400,
                r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            ),
            (
                400,
                r#"{"object":"error","message":"Prompt contains 40000 tokens, too large for model with 32768 maximum context length","type":"invalid_request_prompt","code":"3051"}"#,
            ),
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}"#,
            ),
            (
                400,
                r#"{"message":"Input is too long for requested model."}"#,
            ),
        ] {
            assert_reason(status, body, Some(Reason::ContextLength));
        }
    }

    #[test]
    fn content_filters_are_recognised_for_each_provider() {
        for (status, body) in [
            (
                400,
                r#"{"error":{"message":"The response was filtered","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"Your request was rejected as a result of our safety system.","code":"content_policy_violation"}}"#,
            ),
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"Output blocked by content filtering policy"}}"#,
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"The request was blocked due to safety settings.","status":"INVALID_ARGUMENT"}}"#,
            ),
            (
                400,
                r#"{"message":"The input was blocked by guardrail gr-1 of the account."}"#,
            ),
        ] {
            assert_reason(status, body, Some(Reason::ContentFilter));
        }
    }

    #[test]
    fn an_unknown_model_is_recognised_for_each_provider() {
        for (status, body) in [
            (
                404,
                r#"{"error":{"message":"The model `gpt-9` does not exist","type":"invalid_request_error","code":"model_not_found"}}"#,
            ),
            (
                404,
                r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#,
            ),
            (
                400,
                r#"{"object":"error","message":"Invalid model: mistral-huge","type":"invalid_model","param":null,"code":"1500"}"#,
            ),
            (
                404,
                r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-9"}}"#,
            ),
            (
                404,
                r#"{"error":{"code":404,"message":"models/gemini-9 is not found for API version v1beta","status":"NOT_FOUND"}}"#,
            ),
            (
                400,
                r#"{"message":"The provided model identifier is invalid."}"#,
            ),
        ] {
            assert_reason(status, body, Some(Reason::ModelNotFound));
        }
        assert_eq!(
            of(
                404,
                Some("ResourceNotFoundException:http://internal/"),
                b"{}"
            ),
            Some(Reason::ModelNotFound)
        );
    }

    #[test]
    fn an_account_without_credit_is_recognised() {
        assert_reason(
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}"#,
            Some(Reason::Account),
        );
        assert_reason(
            400,
            r#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#,
            Some(Reason::Account),
        );
    }

    #[test]
    fn the_callers_own_mistakes_have_no_reason() {
        for (status, body) in [
            (
                400,
                r#"{"error":{"message":"'messages' is a required property","type":"invalid_request_error","param":null,"code":null}}"#,
            ),
            (
                404,
                r#"{"error":{"message":"Invalid URL (POST /v1/chat)","type":"invalid_request_error","code":null}}"#,
            ),
            (400, "not json"),
            (500, r#"{"error":{"code":"context_length_exceeded"}}"#),
        ] {
            assert_reason(status, body, None);
        }
    }
}
