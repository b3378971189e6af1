//! Failures in which a provider says when to come back.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// OpenAI's headers.
pub const OPENAI: [(&str, &str); 6] = [
    ("content-type", "application/json"),
    ("x-request-id", "req_0123456789abcdef"),
    ("x-ratelimit-limit-requests", "500"),
    ("x-ratelimit-remaining-requests", "0"),
    ("x-ratelimit-reset-requests", "1m12.5s"),
    ("retry-after", "20"),
];

/// Anthropic's headers.
pub const ANTHROPIC: [(&str, &str); 5] = [
    ("content-type", "application/json"),
    ("anthropic-ratelimit-tokens-limit", "40000"),
    ("anthropic-ratelimit-tokens-remaining", "0"),
    ("anthropic-ratelimit-tokens-reset", "2023-11-14T22:14:20Z"),
    ("retry-after", "12"),
];

/// Gemini's body.
pub const GEMINI: &[u8] =
    br#"{"error":{"code":429,"message":"Resource has been exhausted","status":"RESOURCE_EXHAUSTED",
        "details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"}]}}"#;

/// Headers that say nothing of it.
pub const NONE: [(&str, &str); 1] = [("content-type", "application/json")];

/// When they were sent.
pub fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}
