//! What bodies are declared as (RFC 9110 §8.3).

/// `application/json`, `text/json`, which many mean by it, and `…+json`, with or without parameters.
pub fn is_json(content_type: &str) -> bool {
    let essence = essence(content_type);
    essence.eq_ignore_ascii_case("application/json")
        || essence.eq_ignore_ascii_case("text/json")
        || essence
            .len()
            .checked_sub(5)
            .and_then(|at| essence.get(at..))
            .is_some_and(|suffix| suffix.eq_ignore_ascii_case("+json"))
}

/// `text/event-stream`, with or without parameters.
pub fn is_event_stream(content_type: &str) -> bool {
    essence(content_type).eq_ignore_ascii_case("text/event-stream")
}

/// `application/x-ndjson` and its other names.
pub(crate) fn is_ndjson(content_type: &str) -> bool {
    [
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
    ]
    .iter()
    .any(|name| essence(content_type).eq_ignore_ascii_case(name))
}

/// `application/vnd.amazon.eventstream`, the binary framing of Amazon Bedrock's streams.
pub fn is_amazon_event_stream(content_type: &str) -> bool {
    essence(content_type).eq_ignore_ascii_case("application/vnd.amazon.eventstream")
}

pub(crate) fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Audio, pictures, video: nothing that explains itself in words.
pub(crate) fn is_media(content_type: &str) -> bool {
    ["audio/", "image/", "video/"].iter().any(|kind| {
        content_type
            .get(..kind.len())
            .is_some_and(|c| c.eq_ignore_ascii_case(kind))
    })
}
