//! What the events of a stream are worth (`behaviour.md` §5): OpenAI chat completions, and any other event stream by
//! the table's last row.
//!
//! Framing is eventsource-stream's. It is fed by hand: the bytes go to the caller unchanged, so nothing here may wait.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use eventsource_stream::EventStream;
use futures_core::Stream;
use serde_json::Value;

/// The most telling thing that a piece of a stream said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing that a caller can use.
    Nothing,
    /// Something that a caller can use.
    Useful,
    /// The stream has announced its end.
    End,
    /// The provider reports an error in the stream.
    Failed,
}

/// Reads along with a `text/event-stream`.
pub struct EventReader {
    events: EventStream<Feed>,
    feed: Feed,
    seen: Seen,
}

/// What has been seen of the stream so far.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    useful: bool,
    choices: bool,
    finished: bool,
    done: bool,
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
            seen: Seen::default(),
        }
    }
}

impl EventReader {
    /// Takes the next bytes and says what they were worth. A cut may stand anywhere.
    pub fn feed(&mut self, bytes: &Bytes) -> Verdict {
        self.feed.put(bytes.clone());
        let mut context = Context::from_waker(Waker::noop());
        let mut verdict = Verdict::Nothing;
        while let Poll::Ready(Some(event)) = Pin::new(&mut self.events).poll_next(&mut context) {
            // An event that is not UTF-8 is no use to anyone.
            if let Ok(event) = event {
                verdict = verdict.max(self.seen.judge(&event.event, &event.data));
            }
        }
        verdict
    }

    /// Whether something useful has come.
    pub fn useful(&self) -> bool {
        self.seen.useful
    }

    /// Whether a finish reason or the end marker has come: the answer is whole even if the connection breaks now.
    pub fn finished(&self) -> bool {
        self.seen.finished
    }

    /// Whether the end marker has come: nothing follows.
    pub fn ended(&self) -> bool {
        self.seen.done
    }

    /// Whether the format says when it is complete, so that the end of the body without that is a cut.
    pub fn announces_its_end(&self) -> bool {
        self.seen.choices
    }
}

impl Seen {
    fn judge(&mut self, name: &str, data: &str) -> Verdict {
        let data = data.trim();
        if data.is_empty() || name == "ping" {
            return Verdict::Nothing;
        }
        if data == "[DONE]" {
            self.finished = true;
            self.done = true;
            return Verdict::End;
        }
        let useful = match serde_json::from_str::<Value>(data) {
            // Torn JSON is no use; any other text is what "anything else" calls non-empty data.
            Err(_) => !data.starts_with('{'),
            Ok(value) => {
                if name == "error" || value.get("error").is_some_and(says_something) {
                    return Verdict::Failed;
                }
                match value.get("choices").and_then(Value::as_array) {
                    Some(choices) => self.judge_choices(choices),
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

    fn judge_choices(&mut self, choices: &[Value]) -> bool {
        self.choices = true;
        let finish = choices
            .iter()
            .any(|choice| choice.get("finish_reason").is_some_and(says_something));
        self.finished |= finish;
        finish
            || choices.iter().any(|choice| {
                choice.get("text").is_some_and(says_something)
                    || choice.get("delta").is_some_and(delta_says_something)
            })
    }
}

fn delta_says_something(delta: &Value) -> bool {
    delta.as_object().is_some_and(|delta| {
        delta
            .iter()
            .any(|(key, value)| key != "role" && says_something(value))
    })
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

/// The stream that the framing library reads: what was put in last, then nothing until more is put in.
#[derive(Clone, Default)]
struct Feed(Arc<Mutex<Option<Bytes>>>);

impl Feed {
    fn put(&self, bytes: Bytes) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
    }
}

impl Stream for Feed {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
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
        EventReader::default().feed(&Bytes::copy_from_slice(text.as_bytes()))
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

    proptest! {
        #[test]
        fn the_verdicts_do_not_depend_on_where_a_stream_is_cut(cuts in prop::collection::vec(0usize..400, 0..12)) {
            let stream = [": hi\n\n", ROLE, TEXT, USAGE, STOP, DONE].concat().into_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c % stream.len()).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let useful_at = [": hi\n\n", ROLE, TEXT].concat().len() - 2;
            let mut reader = EventReader::default();
            for pair in cuts.windows(2) {
                let verdict = reader.feed(&Bytes::copy_from_slice(&stream[pair[0]..pair[1]]));
                if pair[1] < useful_at {
                    prop_assert_eq!(verdict, Verdict::Nothing);
                }
            }
            prop_assert!(reader.finished());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(chunks: Vec<Vec<u8>>) {
            let mut reader = EventReader::default();
            for chunk in chunks {
                reader.feed(&Bytes::from(chunk));
            }
        }
    }
}
