//! Whether a complete 2xx answer is one. Read in one pass, and nothing of it is kept.

use std::fmt;

use serde::de::{Deserializer as _, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Why a 2xx answer is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// There is no body.
    #[error("an empty answer")]
    Empty,
    /// JSON was declared and something else came.
    #[error("JSON that does not parse")]
    NotJson,
    /// The body is an error report.
    #[error("an error reported with a success status")]
    Error,
}

/// Checks a complete 2xx answer by its declared content type. A 204 or 205 has no body by definition and is not
/// checked here.
///
/// # Errors
/// What makes it no answer (`behaviour.md` §3).
pub fn check(content_type: Option<&str>, body: &[u8]) -> Result<(), NoAnswer> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(NoAnswer::Empty);
    }
    if !content_type.is_some_and(is_json) {
        return Ok(());
    }
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let error = match body.trim_ascii_start().first() {
        Some(b'{') => has_error(body),
        // Gemini reports an error of a streamed request in an array of one.
        Some(b'[') => first_item(body).map(|item| {
            item.is_some_and(|item| {
                item.get().starts_with('{') && has_error(item.get().as_bytes()).unwrap_or(false)
            })
        }),
        _ => serde_json::from_slice::<IgnoredAny>(body).map(|_| false),
    };
    match error {
        Ok(false) => Ok(()),
        Ok(true) => Err(NoAnswer::Error),
        Err(_) => Err(NoAnswer::NotJson),
    }
}

/// `application/json` and `…+json`, with or without parameters.
pub fn is_json(content_type: &str) -> bool {
    let essence = essence(content_type);
    essence.eq_ignore_ascii_case("application/json")
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

/// `application/vnd.amazon.eventstream`, the binary framing of Amazon Bedrock's streams.
pub fn is_amazon_event_stream(content_type: &str) -> bool {
    essence(content_type).eq_ignore_ascii_case("application/vnd.amazon.eventstream")
}

fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Whether the object has a top-level `error` that is neither null nor false nor empty.
pub(crate) fn has_error(object: &[u8]) -> Result<bool, serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Top<'a> {
        #[serde(borrow, default)]
        error: Option<&'a RawValue>,
    }
    let top: Top<'_> = serde_json::from_slice(object)?;
    Ok(top
        .error
        .is_some_and(|e| !matches!(e.get(), "null" | "false" | "\"\"" | "{}")))
}

/// The first item of an array; the others are only passed over.
fn first_item(array: &[u8]) -> Result<Option<&RawValue>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(array);
    let first = deserializer.deserialize_seq(First)?;
    deserializer.end()?;
    Ok(first)
}

struct First;

impl<'de> Visitor<'de> for First {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let first = items.next_element()?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: Option<&str> = Some("application/json; charset=utf-8");

    #[test]
    fn a_completion_is_an_answer() {
        assert_eq!(
            check(JSON, br#"{"id":"x","error":null,"choices":[]}"#),
            Ok(())
        );
        assert_eq!(check(JSON, b"[1,2]"), Ok(()));
        assert_eq!(check(Some("audio/mpeg"), b"\xff\xfb"), Ok(()));
        assert_eq!(check(None, b"ok"), Ok(()));
    }

    #[test]
    fn an_empty_body_an_error_and_broken_json_are_none() {
        assert_eq!(check(JSON, b" \n"), Err(NoAnswer::Empty));
        assert_eq!(check(None, b""), Err(NoAnswer::Empty));
        assert_eq!(
            check(JSON, br#"{"error":{"message":"overloaded"}}"#),
            Err(NoAnswer::Error)
        );
        assert_eq!(
            check(JSON, br#"[{"error":{"message":"x"}}]"#),
            Err(NoAnswer::Error)
        );
        assert_eq!(check(JSON, br#"{"choices":[{"#), Err(NoAnswer::NotJson));
        assert_eq!(check(JSON, b"[1,"), Err(NoAnswer::NotJson));
        assert_eq!(check(JSON, b"\xef\xbb\xbf{\"choices\":[]}"), Ok(()));
        assert_eq!(
            check(Some("application/problem+json"), b"<html>"),
            Err(NoAnswer::NotJson)
        );
    }

    #[test]
    fn an_error_deeper_down_is_part_of_an_answer() {
        assert_eq!(
            check(JSON, br#"{"choices":[{"error":{"message":"x"}}]}"#),
            Ok(())
        );
    }
}
