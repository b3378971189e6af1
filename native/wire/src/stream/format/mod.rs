//! The wire formats: one file each, with the same small interface.
//!
//! A stream's format is told by its first event that belongs to one, because paths vary from gateway to gateway and
//! the events do not. From then on it stays.

mod blocks;
mod chat;
mod completions;
mod converse;
mod gemini;
mod invoke;
mod messages;
mod ollama;
mod prefill;
mod responses;
mod wishes;

use std::fmt::Debug;

use serde_json::Value;

use crate::answer;
use crate::json::set;

use super::framing::{Content, Frame, Message};
use super::usage::Tokens;
pub(crate) use wishes::Wishes;

/// The most room, in bytes, of an event that is kept until another one comes.
pub(crate) const MOST_KEPT: usize = 256 * 1024;

/// What an event is worth (`behaviour.md` §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// Nothing that a client can use.
    Nothing,
    /// Something that a client can use.
    Useful,
    /// Torn: to be left out.
    Unreadable,
    /// The provider reports an error in the stream.
    Failed,
    /// Nothing can be read any more: as if the connection had been cut.
    Broken,
    /// Another candidate's answer that can't be joined to what the client has.
    Diverged,
}

/// A wire format, and what has been seen of one stream in it. The stream is the client's: it may be made of the
/// answers of several candidates, one going on where the other broke off.
pub(crate) trait Format: Debug + Send + Sync {
    /// Reads an event of the candidate that answers now. `said` gets the plain text that it carries.
    fn read(&mut self, name: &str, event: &Value, said: &mut String) -> Worth;

    /// Reads what is no JSON: the end marker, where the format has one.
    fn read_word(&mut self, _word: &[u8]) -> Worth {
        Worth::Unreadable
    }

    /// Whether the answer is whole, even if the connection breaks now.
    fn finished(&self) -> bool;

    /// Whether nothing follows.
    fn ended(&self) -> bool;

    /// Whether there is an end to wait for, without which the end of the body is a cut.
    fn announces_its_end(&self) -> bool {
        true
    }

    /// The end marker of a finished stream that came without it.
    fn end_marker(&self) -> Option<Message> {
        None
    }

    /// What has been used, by all candidates together.
    fn tokens(&self) -> Option<Tokens>;

    /// The model that the first candidate names.
    fn model(&self) -> Option<&str> {
        None
    }

    /// Whether an event says what was used, and nothing else, for a request that asks for that.
    fn is_usage_only(&self, _event: &Value) -> bool {
        false
    }

    /// The event that client libraries raise as an error.
    fn error(&self, message: &str) -> Message;

    /// The provider's own error event, where client libraries don't raise it, as one that they do.
    fn raised(&self, _event: &Value) -> Option<Message> {
        None
    }

    /// Whether nothing but plain text has come, so that another candidate can go on.
    fn is_plain_text(&self) -> bool;

    /// Whether the request wants nothing but plain text, one answer of it.
    fn asks_for_plain_text(&self, request: &Wishes) -> bool;

    /// The request with the answer so far as the beginning of the assistant's turn. `None`: the format or this
    /// request does not allow it.
    fn prefilled(&self, request: &[u8], text: &str, marked: bool) -> Option<Vec<u8>>;

    /// Nobody will go on with this stream: what was kept for that is no longer needed.
    fn forget(&mut self) {}

    /// The events that follow are another candidate's.
    fn go_on(&mut self);

    /// An event (an object) of a candidate that goes on, as part of the client's stream: under the first candidate's ids, with
    /// rising indexes and summed usage, and with `text` instead of its own. Called after [`Format::read`]. `buffered`:
    /// text is buffered that may still have to go into the block that is open.
    fn join(&mut self, name: &str, event: Value, text: &str, buffered: bool) -> Vec<Message>;

    /// A copy, to try a candidate on.
    fn boxed(&self) -> Box<dyn Format>;
}

/// The format that an event belongs to.
pub(crate) fn recognise(name: &str, event: &Value) -> Option<Box<dyn Format>> {
    // In the order of how sure the sign is.
    messages::recognise(event)
        .or_else(|| responses::recognise(event))
        .or_else(|| gemini::recognise(event))
        .or_else(|| completions::recognise(event))
        .or_else(|| chat::recognise(event))
        .or_else(|| ollama::recognise(event))
        .or_else(|| converse::recognise(name, event))
        .or_else(|| invoke::recognise(name, event))
}

/// Judges an event of a stream whose format is not known (yet).
pub(crate) fn anything_else(frame: &Frame) -> Worth {
    match &frame.content {
        Content::Nothing | Content::End => Worth::Nothing,
        Content::Torn => Worth::Unreadable,
        Content::Broken => Worth::Broken,
        Content::Exception(_) => Worth::Failed,
        _ if frame.name == "error" => Worth::Failed,
        // The bodiless first frame of an event stream.
        _ if frame.name == "initial-response" || is_sign_of_life(&frame.name) => Worth::Nothing,
        Content::Text(text) if matches!(text.trim_ascii(), b"" | b"null" | b"\"\"") => {
            Worth::Nothing
        }
        Content::Text(_) => Worth::Useful,
        Content::Json(value) | Content::Outline(value) => unknown(value),
    }
}

/// Judges an event of no format known here.
fn unknown(event: &Value) -> Worth {
    match event {
        _ if is_error(event) => Worth::Failed,
        _ if is_nothing(event) || is_sign_of_life(text_of(event, "type")) => Worth::Nothing,
        _ => Worth::Useful,
    }
}

/// Whether an event says nothing: `null`, `""`, `[]`, `{}`, or the list of answers of a known format with none in it.
fn is_nothing(event: &Value) -> bool {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    let lists = ["choices", "candidates"].map(|key| event.get(key));
    empty(event) || lists.into_iter().flatten().any(empty)
}

/// Whether an event of this name or type says only that somebody is alive, or waits in a queue.
pub(crate) fn is_sign_of_life(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    matches!(
        plain.as_str(),
        "ping"
            | "pong"
            | "heartbeat"
            | "keepalive"
            | "alive"
            | "queue"
            | "queued"
            | "queueing"
            | "queuestatus"
            | "queueupdate"
            | "waiting"
            | "status"
            | "comment"
    )
}

/// Whether an event is an error report: it has one, or says itself that it is one.
pub(crate) fn is_error(event: &Value) -> bool {
    reports(event.get("error"))
        || event.get("errors").is_some_and(|e| e.as_array().is_some_and(|e| !e.is_empty()))
        || event.get("success") == Some(&Value::Bool(false))
        // MiniMax.
        || number_of(event.get("base_resp").unwrap_or(&Value::Null), "status_code") != 0
        // vLLM's and Mistral's `object`, Anthropic's and OpenAI's `type`.
        || text_of(event, "object") == "error"
        || text_of(event, "type") == "error"
}

/// Whether a member is an error report.
fn reports(error: Option<&Value>) -> bool {
    match error {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Object(members)) => !members.is_empty(),
        Some(_) => true,
    }
}

/// Whether one of several answers has failed: it has an error of its own, or ends with a reason that is one.
fn has_failed(choice: &Value, finish_reason: &str) -> bool {
    reports(choice.get("error")) || answer::is_failure(text_of(choice, finish_reason))
}

/// Whether a content filter has ended the answer with this event.
pub(crate) fn is_filtered(event: &Value) -> bool {
    let of = |list: &str, key: &'static str| {
        let items = event
            .get(list)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        items
            .take(MOST_CHOICES)
            .any(|item| answer::is_filtered(text_of(item, key)))
    };
    let at = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
    of("choices", "finish_reason")
        || of("candidates", "finishReason")
        || event
            .pointer("/promptFeedback/blockReason")
            .is_some_and(says_something)
        || [
            "/delta/stop_reason",
            "/stopReason",
            "/response/incomplete_details/reason",
        ]
        .into_iter()
        .filter_map(at)
        .any(answer::is_filtered)
}

/// Whether there is text anywhere in it that is not a mere label.
pub(crate) fn says_something(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(says_something),
        Value::Object(members) => members.iter().any(|(key, value)| {
            let label = matches!(
                key.as_str(),
                "role" | "index" | "id" | "type" | "signature" | "thoughtSignature"
            );
            !label && says_something(value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The text of a member, empty where there is none.
fn text_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// An index or a count. Nobody's is larger, and adding to it is safe.
fn number_of(value: &Value, key: &str) -> u64 {
    let number = value.get(key).and_then(Value::as_u64);
    number.unwrap_or_default().min(u64::from(u32::MAX))
}

/// Whether a member is there and is neither null nor false nor one of these words.
fn is_other_than(value: Option<&Value>, words: &[&str]) -> bool {
    value.is_some_and(|v| match v {
        Value::Null | Value::Bool(false) => false,
        Value::String(word) => !words.contains(&word.as_str()),
        _ => true,
    })
}

/// The longest name or id that is kept, in bytes. The longest identifiers of models, Bedrock's, have 2048.
const LONGEST_NAME: usize = 2048;

/// Takes a name, unless there is one already. Azure's first chunk has an empty one.
fn name_once(mine: &mut Option<String>, name: Option<&Value>) {
    if mine.is_none() {
        let name = name.and_then(Value::as_str);
        let name = name.filter(|n| !n.is_empty() && n.len() <= LONGEST_NAME);
        *mine = name.map(str::to_owned);
    }
}

/// Takes what every event of the client's stream carries alike, an id or a time, unless it is there already.
fn keep_once(mine: &mut Option<Value>, value: Option<&Value>) {
    if mine.is_none() {
        // Azure's first chunk has an empty id, and was created at 0.
        let filled = |v: &&Value| match v {
            Value::String(text) => !text.is_empty() && text.len() <= LONGEST_NAME,
            Value::Number(_) => **v != 0,
            _ => false,
        };
        *mine = value.filter(filled).cloned();
    }
}

/// The most choices of one answer whose ends are followed. OpenAI's and Google's APIs take requests for 128 and 8.
const MOST_CHOICES: usize = 256;

/// The indexes of an answer's choices, and which have finished. An answer of more than [`MOST_CHOICES`] is never
/// finished by their ends.
#[derive(Debug, Clone, Default)]
struct Finishes {
    /// By rising indexes.
    known: Vec<(u64, bool)>,
    open: usize,
    too_many: bool,
}

impl Finishes {
    /// `goes_on`: the choice says something without an end, so that an earlier one was none.
    fn note(&mut self, index: u64, finished: bool, goes_on: bool) {
        match self.known.binary_search_by_key(&index, |(i, _)| *i) {
            Ok(at) => {
                let (_, before) = &mut self.known[at];
                let now = finished || *before && !goes_on;
                self.open = self.open + usize::from(*before) - usize::from(now);
                *before = now;
            }
            Err(_) if self.known.len() == MOST_CHOICES => self.too_many = true,
            Err(at) => {
                self.known.insert(at, (index, finished));
                self.open += usize::from(!finished);
            }
        }
    }

    fn all(&self) -> bool {
        !self.known.is_empty() && self.open == 0 && !self.too_many
    }
}
