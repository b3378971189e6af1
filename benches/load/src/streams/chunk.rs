//! What a chunk says: its place in the stream and when it was sent, or that the answer is complete.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;

/// A chunk's `<seq>:<unix micros>`, as the simulated provider's directive `stamp` writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Place in the stream.
    pub(crate) seq: u64,
    /// Microseconds since 1970 on the clock that provider and client share.
    pub(crate) sent: u64,
}

/// What an event is to a client that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Text, which is a stamp.
    Stamped(Stamp),
    /// A finish reason, or `[DONE]`: whatever follows is no text.
    Finish,
    /// A role, usage.
    Other,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Delta<'a>,
    finish_reason: Option<&'a str>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    content: Option<&'a str>,
}

impl Event {
    /// Reads the data of an event.
    ///
    /// # Errors
    /// What can't be read.
    pub(crate) fn read(data: &str) -> Result<Self, String> {
        if data == "[DONE]" {
            return Ok(Event::Finish);
        }
        let unexpected = || format!("an unexpected chunk: {data}");
        let chunk: Chunk<'_> = serde_json::from_str(data).map_err(|_| unexpected())?;
        let Some(choice) = chunk.choices.first() else {
            return Ok(Event::Other);
        };
        if choice.finish_reason.is_some() {
            return Ok(Event::Finish);
        }
        match choice.delta.content {
            None | Some("") => Ok(Event::Other),
            Some(text) => Stamp::read(text).map(Event::Stamped).ok_or_else(unexpected),
        }
    }
}

impl Stamp {
    fn read(text: &str) -> Option<Self> {
        let (seq, sent) = text.trim().split_once(':')?;
        Some(Stamp {
            seq: seq.parse().ok()?,
            sent: sent.parse().ok()?,
        })
    }
}

/// Microseconds since 1970.
pub(crate) fn now_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |d| u64::try_from(d.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamped_chunk_says_its_place_and_time() {
        let data = r#"{"choices":[{"index":0,"delta":{"content":"7:1700000000000001 "},"finish_reason":null}]}"#;
        let stamp = Stamp {
            seq: 7,
            sent: 1_700_000_000_000_001,
        };
        assert_eq!(Event::read(data), Ok(Event::Stamped(stamp)));
    }

    #[test]
    fn a_role_and_usage_carry_no_stamp() {
        for data in [
            r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#,
            r#"{"choices":[],"usage":{"total_tokens":3}}"#,
        ] {
            assert_eq!(Event::read(data), Ok(Event::Other), "{data}");
        }
    }

    #[test]
    fn a_finish_reason_or_the_end_marker_finishes() {
        for data in [
            r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
            "[DONE]",
        ] {
            assert_eq!(Event::read(data), Ok(Event::Finish), "{data}");
        }
    }

    #[test]
    fn text_without_a_stamp_and_errors_are_not_taken_for_chunks() {
        for data in [
            r#"{"choices":[{"delta":{"content":"hello"}}]}"#,
            r#"{"error":{"message":"overloaded"}}"#,
            r#"{"choices":[{"delta"#,
        ] {
            assert!(Event::read(data).is_err(), "{data}");
        }
    }
}
