//! What the events of a stream are worth (`behaviour.md` §5): OpenAI chat completions, and any other event stream by
//! the table's last row.
//!
//! An event is passed on, left out or held back as a whole, so the stream is cut into blocks at its blank lines (HTML
//! standard §9.2.6) and each block keeps its bytes; what a block says is read by eventsource-stream, which gives the
//! fields but not where they stood.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use eventsource_stream::EventStream;
use futures_core::Stream;
use serde_json::Value;

/// What an event is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing that a caller can use.
    Nothing,
    /// Something that a caller can use.
    Useful,
    /// Torn JSON: to be left out.
    Unreadable,
    /// The stream has announced its end.
    End,
    /// The provider reports an error in the stream.
    Failed,
}

/// An event with its bytes as they came, the blank line included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its bytes.
    pub raw: Bytes,
    /// What it is worth.
    pub verdict: Verdict,
}

/// Cuts a `text/event-stream` into events and says what they are worth.
pub struct EventReader {
    events: EventStream<Feed>,
    feed: Feed,
    partial: BytesMut,
    line_is_empty: bool,
    after_cr: bool,
    seen: Seen,
}

/// What has been seen of the stream so far.
#[derive(Debug, Clone, Default)]
struct Seen {
    useful: bool,
    done: bool,
    /// The choices, by index, and whether each has finished.
    choices: Vec<(u64, bool)>,
}

impl std::fmt::Debug for EventReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventReader")
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

impl Default for EventReader {
    fn default() -> Self {
        let feed = Feed::default();
        EventReader {
            events: EventStream::new(feed.clone()),
            feed,
            partial: BytesMut::new(),
            line_is_empty: true,
            after_cr: false,
            seen: Seen::default(),
        }
    }
}

impl EventReader {
    /// Takes the next bytes, cut anywhere, and gives the events that they complete.
    pub fn feed(&mut self, bytes: &Bytes) -> Vec<Event> {
        let mut events = Vec::new();
        let mut from = 0;
        for (at, byte) in bytes.iter().enumerate() {
            let line_ends = match byte {
                // The second half of a line's end.
                b'\n' if self.after_cr => false,
                b'\n' | b'\r' => true,
                _ => {
                    self.line_is_empty = false;
                    false
                }
            };
            self.after_cr = *byte == b'\r';
            if line_ends {
                if self.line_is_empty {
                    let end = at + 1 + usize::from(bytes[at..].starts_with(b"\r\n"));
                    let raw = self.complete(bytes.slice(from..end));
                    events.push(self.judge(raw));
                    from = end;
                }
                self.line_is_empty = true;
            }
        }
        self.partial.extend_from_slice(&bytes[from..]);
        events
    }

    /// What was left without a blank line when the body ended.
    pub fn finish(&mut self) -> Option<Event> {
        if self.partial.is_empty() {
            return None;
        }
        let raw = self.partial.split().freeze();
        Some(self.judge(raw))
    }

    /// Bytes of an event that is not complete yet.
    pub fn pending(&self) -> usize {
        self.partial.len()
    }

    fn complete(&mut self, end: Bytes) -> Bytes {
        if self.partial.is_empty() {
            return end;
        }
        self.partial.extend_from_slice(&end);
        self.partial.split().freeze()
    }

    fn judge(&mut self, raw: Bytes) -> Event {
        self.feed.put(raw.clone());
        // A blank line that was cut between its CR and LF, or is missing at the end.
        self.feed.put(Bytes::from_static(b"\n\n"));
        let mut context = Context::from_waker(Waker::noop());
        let mut verdict = Verdict::Nothing;
        while let Poll::Ready(Some(event)) = Pin::new(&mut self.events).poll_next(&mut context) {
            verdict = match event {
                Ok(event) => self.seen.judge(&event.event, &event.data),
                // Not UTF-8.
                Err(_) => Verdict::Unreadable,
            };
        }
        Event { raw, verdict }
    }

    /// Whether something useful has come.
    pub fn useful(&self) -> bool {
        self.seen.useful
    }

    /// Whether every choice has finished, or the end marker has come: the answer is whole even if the connection
    /// breaks now.
    pub fn finished(&self) -> bool {
        let choices = &self.seen.choices;
        self.seen.done || !choices.is_empty() && choices.iter().all(|(_, finished)| *finished)
    }

    /// Whether the end marker has come: nothing follows.
    pub fn ended(&self) -> bool {
        self.seen.done
    }

    /// Whether the format says when it is complete, so that the end of the body without that is a cut.
    pub fn announces_its_end(&self) -> bool {
        !self.seen.choices.is_empty()
    }
}

impl Seen {
    fn judge(&mut self, name: &str, data: &str) -> Verdict {
        let data = data.trim();
        if data.is_empty() || name == "ping" {
            return Verdict::Nothing;
        }
        if data == "[DONE]" {
            self.done = true;
            return Verdict::End;
        }
        let useful = match serde_json::from_str::<Value>(data) {
            Err(_) if data.starts_with('{') => return Verdict::Unreadable,
            // Any other text is what "anything else" calls non-empty data.
            Err(_) => true,
            Ok(value) => {
                if name == "error" || value.get("error").is_some_and(says_something) {
                    return Verdict::Failed;
                }
                match value.get("choices").and_then(Value::as_array) {
                    // All of them: each remembers whether its choice has finished.
                    Some(choices) => {
                        choices
                            .iter()
                            .filter(|choice| self.judge_choice(choice))
                            .count()
                            > 0
                    }
                    None => true,
                }
            }
        };
        self.useful |= useful;
        if useful {
            Verdict::Useful
        } else {
            Verdict::Nothing
        }
    }

    fn judge_choice(&mut self, choice: &Value) -> bool {
        let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
        let finish = choice.get("finish_reason").is_some_and(says_something);
        match self.choices.iter_mut().find(|(i, _)| *i == index) {
            Some((_, finished)) => *finished |= finish,
            None => self.choices.push((index, finish)),
        }
        finish
            || choice.get("text").is_some_and(says_something)
            || choice.get("delta").is_some_and(says_something)
    }
}

/// Whether there is text anywhere in it that is not a mere label.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(says_something),
        Value::Object(members) => members.iter().any(|(key, value)| {
            !matches!(key.as_str(), "role" | "index" | "id" | "type") && says_something(value)
        }),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

/// The stream that the framing library reads: what was put in, then nothing until more is put in.
#[derive(Clone, Default)]
struct Feed(Arc<Mutex<VecDeque<Bytes>>>);

impl Feed {
    fn put(&self, bytes: Bytes) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(bytes);
    }
}

impl Stream for Feed {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
        {
            Some(bytes) => Poll::Ready(Some(Ok(bytes))),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROLE: &str = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";
    const TEXT: &str =
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hé\"},\"finish_reason\":null}]}\r\n\r\n";
    const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"total_tokens\":3}}\n\n";
    const DONE: &str = "data: [DONE]\n\n";

    fn verdict(text: &str) -> Verdict {
        let events = EventReader::default().feed(&Bytes::copy_from_slice(text.as_bytes()));
        assert_eq!(events.len(), 1, "{text:?} is one event");
        events[0].verdict
    }

    #[test]
    fn comments_pings_roles_and_usage_are_not_useful() {
        for text in [": ping\n\n", "event: ping\ndata: {}\n\n", ROLE, USAGE] {
            assert_eq!(verdict(text), Verdict::Nothing, "{text}");
        }
    }

    #[test]
    fn text_tools_reasoning_and_a_finish_reason_are_useful() {
        assert_eq!(verdict(TEXT), Verdict::Useful);
        assert_eq!(verdict(STOP), Verdict::Useful);
        for delta in [
            r#"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}"#,
            r#"{"reasoning_content":"hm"}"#,
            r#"{"refusal":"no"}"#,
            r#"{"audio":{"data":"AA"}}"#,
        ] {
            assert_eq!(
                verdict(&format!(
                    "data: {{\"choices\":[{{\"delta\":{delta}}}]}}\n\n"
                )),
                Verdict::Useful,
                "{delta}"
            );
        }
        assert_eq!(
            verdict("data: {\"choices\":[{\"text\":\"x\"}]}\n\n"),
            Verdict::Useful
        );
    }

    #[test]
    fn an_error_in_the_stream_is_a_failure() {
        assert_eq!(
            verdict("data: {\"error\":{\"message\":\"overloaded\"}}\n\n"),
            Verdict::Failed
        );
        assert_eq!(
            verdict("event: error\ndata: {\"type\":\"x\"}\n\n"),
            Verdict::Failed
        );
    }

    #[test]
    fn the_end_marker_alone_is_an_end_without_anything_useful() {
        assert_eq!(verdict(DONE), Verdict::End);
    }

    #[test]
    fn anything_else_is_useful_with_its_first_data() {
        assert_eq!(verdict("data: hello\n\n"), Verdict::Useful);
        assert_eq!(verdict("data: {\"x\":1}\n\n"), Verdict::Useful);
    }

    #[test]
    fn torn_json_is_unreadable_and_a_label_alone_says_nothing() {
        assert_eq!(verdict("data: {\"choices\":[\n\n"), Verdict::Unreadable);
        let labels = r#"{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"","arguments":""}}]}"#;
        assert_eq!(
            verdict(&format!(
                "data: {{\"choices\":[{{\"delta\":{labels}}}]}}\n\n"
            )),
            Verdict::Nothing
        );
    }

    #[test]
    fn with_several_choices_all_have_to_finish() {
        let mut reader = EventReader::default();
        let chunk = |i: u32, reason: &str| {
            Bytes::from(format!(
                "data: {{\"choices\":[{{\"index\":{i},\"delta\":{{\"content\":\"x\"}},\"finish_reason\":{reason}}}]}}\n\n"
            ))
        };
        reader.feed(&chunk(0, "null"));
        reader.feed(&chunk(1, "null"));
        reader.feed(&chunk(0, "\"stop\""));
        assert!(!reader.finished());
        reader.feed(&chunk(1, "\"stop\""));
        assert!(reader.finished() && !reader.ended());
    }

    #[test]
    fn what_has_no_blank_line_at_the_end_is_an_event_all_the_same() {
        let mut reader = EventReader::default();
        assert_eq!(reader.feed(&Bytes::from_static(b"data: hello")), []);
        assert_eq!(reader.pending(), 11);
        let last = reader.finish().unwrap();
        assert_eq!(
            (&last.raw[..], last.verdict),
            (&b"data: hello"[..], Verdict::Useful)
        );
    }

    proptest! {
        #[test]
        fn the_events_do_not_depend_on_where_a_stream_is_cut(cuts in prop::collection::vec(0usize..600, 0..16), crlf: bool) {
            let mut stream = [": hi\n\n", ROLE, TEXT, USAGE, STOP, DONE].concat();
            if crlf {
                stream = stream.replace("\r\n", "\n").replace('\n', "\r\n");
            }
            let stream = stream.into_bytes();
            let mut whole = EventReader::default();
            let expected: Vec<Verdict> = whole.feed(&Bytes::from(stream.clone())).iter().map(|e| e.verdict).collect();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c % stream.len()).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let mut reader = EventReader::default();
            let mut events = Vec::new();
            for pair in cuts.windows(2) {
                events.extend(reader.feed(&Bytes::copy_from_slice(&stream[pair[0]..pair[1]])));
            }
            let verdicts: Vec<Verdict> = events.iter().map(|e| e.verdict).collect();
            prop_assert_eq!(&verdicts, &expected);
            let mut bytes: Vec<u8> = events.iter().flat_map(|e| e.raw.to_vec()).collect();
            bytes.extend(reader.finish().iter().flat_map(|e| e.raw.to_vec()));
            prop_assert_eq!(bytes, stream);
            prop_assert!(reader.ended());
        }

        #[test]
        fn no_bytes_make_the_reader_panic_or_get_lost(chunks: Vec<Vec<u8>>) {
            let mut reader = EventReader::default();
            let mut bytes = Vec::new();
            for chunk in &chunks {
                bytes.extend(reader.feed(&Bytes::from(chunk.clone())).iter().flat_map(|e| e.raw.to_vec()));
            }
            bytes.extend(reader.finish().iter().flat_map(|e| e.raw.to_vec()));
            prop_assert_eq!(bytes, chunks.concat());
        }
    }
}
