//! OpenAI Responses (OpenAI API reference, "Streaming events").

use serde_json::{Value, json};

use super::{Format, Worth, is_other_than, number_of, says_something, text_of};
use crate::stream::edit;
use crate::stream::framing::Message;
use crate::stream::usage::{Tokens, Usage};

/// A response's stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Responses {
    /// The first candidate's `id` and `created_at`.
    id: Option<Value>,
    created_at: Option<Value>,
    /// Of the last event that the caller has.
    sequence: u64,
    /// The items that the caller has whole, and the message that it has the beginning of.
    items: Vec<Value>,
    message: Option<OutputMessage>,
    next_item: u64,
    more_than_text: bool,
    done: bool,
    usage: Usage,
    joined: bool,
    /// The items of the candidate that goes on, by its own indexes; `None`: left out.
    places: Vec<(u64, Option<u64>)>,
    /// Its message, for when there is text to put in.
    waiting: Option<(u64, Value)>,
}

/// A message item that is not whole yet.
#[derive(Debug, Clone)]
struct OutputMessage {
    index: u64,
    item: Value,
    parts: Vec<Value>,
    /// The text of the part that is not whole yet.
    text: Option<String>,
}

pub(super) fn recognise(event: &Value) -> Option<Box<dyn Format>> {
    text_of(event, "type")
        .starts_with("response.")
        .then(|| Box::new(Responses::default()) as Box<dyn Format>)
}

impl Format for Responses {
    fn read(&mut self, _: &str, event: &Value, said: &mut String) -> Worth {
        let kind = text_of(event, "type");
        if !self.joined {
            self.follow(kind, event);
        }
        match kind {
            "response.created" => {
                let response = &event["response"];
                self.id.get_or_insert_with(|| response["id"].clone());
                self.created_at
                    .get_or_insert_with(|| response["created_at"].clone());
                Worth::Nothing
            }
            "response.output_item.added" => {
                self.more_than_text |=
                    !matches!(text_of(&event["item"], "type"), "message" | "reasoning");
                Worth::Nothing
            }
            "response.content_part.added" => {
                self.more_than_text |= !matches!(
                    text_of(&event["part"], "type"),
                    "output_text" | "reasoning_text"
                );
                Worth::Nothing
            }
            "response.output_text.delta" => {
                said.push_str(text_of(event, "delta"));
                worth_of(&event["delta"])
            }
            "response.output_text.annotation.added" => {
                self.more_than_text = true;
                Worth::Nothing
            }
            "response.completed" | "response.incomplete" => {
                self.done = true;
                self.usage.report(&event["response"]["usage"]);
                Worth::Useful
            }
            "response.failed" | "error" => Worth::Failed,
            _ if kind.ends_with(".delta") => worth_of(&event["delta"]),
            _ if kind.ends_with(".partial_image") => Worth::Useful,
            _ if kind.is_empty() && super::is_error(event) => Worth::Failed,
            _ => Worth::Nothing,
        }
    }

    fn read_word(&mut self, word: &[u8]) -> Worth {
        // Some send chat completions' end marker here too.
        match word {
            b"[DONE]" => Worth::Nothing,
            _ => Worth::Unreadable,
        }
    }

    fn finished(&self) -> bool {
        self.done
    }

    fn ended(&self) -> bool {
        self.done
    }

    fn tokens(&self) -> Option<Tokens> {
        self.usage.tokens("input_tokens", "output_tokens")
    }

    fn error(&self, message: &str) -> Message {
        Message::Event(
            "error".into(),
            json!({"type": "error", "code": "server_error", "message": message, "param": null,
                "sequence_number": self.sequence + 1}),
        )
    }

    fn is_plain_text(&self) -> bool {
        !self.more_than_text
    }

    fn asks_for_plain_text(&self, request: &Value) -> bool {
        !is_other_than(request.pointer("/text/format/type"), &["text"])
            && number_of(request, "top_logprobs") == 0
    }

    fn prefilled(&self, request: &[u8], text: &str, _: bool) -> Option<Vec<u8>> {
        let message = json!({"role": "assistant", "content": text});
        edit::appended(request, "input", "assistant", &message).or_else(|| {
            edit::replaced(request, "input", |input| {
                let input: String = serde_json::from_str(input).ok()?;
                Some(json!([{"role": "user", "content": input}, message]).to_string())
            })
        })
    }

    fn go_on(&mut self) {
        self.joined = true;
        self.done = false;
        self.usage.go_on();
        self.places.clear();
        self.waiting = None;
    }

    fn join(&mut self, _: &str, mut event: Value, text: &str, held: bool) -> Vec<Message> {
        let theirs = number_of(&event, "output_index");
        let kind = text_of(&event, "type").to_owned();
        let events = match kind.as_str() {
            "response.created" | "response.in_progress" | "response.queued" => vec![],
            "response.output_item.added" => match text_of(&event["item"], "type") {
                "reasoning" => {
                    self.places.push((theirs, None));
                    vec![]
                }
                "message" => {
                    if self.message.is_none() {
                        self.waiting = Some((theirs, event));
                    } else {
                        let ours = self.message.as_ref().map(|m| m.index);
                        self.places.push((theirs, ours));
                    }
                    vec![]
                }
                _ => {
                    let mut events = self.close();
                    events.push(self.added(theirs, event));
                    events
                }
            },
            "response.output_text.delta" if text.is_empty() => vec![],
            "response.output_text.delta" => {
                let mut events = Vec::new();
                if let Some((theirs, added)) = self.waiting.take() {
                    events.push(self.added(theirs, added));
                }
                let Some(message) = &mut self.message else {
                    return vec![];
                };
                if message.text.is_none() {
                    message.text = Some(String::new());
                    let part = json!({"type": "output_text", "annotations": [], "text": ""});
                    events.push(message.event("response.content_part.added", "part", part));
                }
                if let Some(whole) = &mut message.text {
                    whole.push_str(text);
                }
                events.push(message.event("response.output_text.delta", "delta", text.into()));
                events
            }
            // Said when the message is closed, with the whole text.
            "response.content_part.added"
            | "response.output_text.done"
            | "response.content_part.done" => vec![],
            "response.output_item.done" => match self.place_of(theirs) {
                Some(ours) if self.message.as_ref().is_some_and(|m| m.index == ours) => {
                    match held {
                        true => vec![],
                        false => self.close(),
                    }
                }
                Some(ours) => {
                    event["output_index"] = ours.into();
                    self.items.push(event["item"].clone());
                    vec![event]
                }
                None => vec![],
            },
            "response.completed" | "response.incomplete" => {
                let mut events = self.close();
                let response = &mut event["response"];
                if let Some(id) = &self.id {
                    response["id"] = id.clone();
                }
                if let Some(created_at) = &self.created_at {
                    response["created_at"] = created_at.clone();
                }
                response["output"] = self.items.clone().into();
                if let Some(usage) = response.get_mut("usage") {
                    *usage = self.usage.with_earlier(usage.take());
                }
                events.push(event);
                events
            }
            _ if event.get("output_index").is_some() => match self.place_of(theirs) {
                Some(ours) => {
                    event["output_index"] = ours.into();
                    vec![event]
                }
                None => vec![],
            },
            _ => vec![event],
        };
        events
            .into_iter()
            .map(|event| self.numbered(event))
            .collect()
    }

    fn boxed(&self) -> Box<dyn Format> {
        Box::new(self.clone())
    }
}

impl Responses {
    /// Follows what the caller gets from the first candidate.
    fn follow(&mut self, kind: &str, event: &Value) {
        self.sequence = self.sequence.max(number_of(event, "sequence_number"));
        let index = number_of(event, "output_index");
        match kind {
            "response.output_item.added" => {
                self.next_item = self.next_item.max(index + 1);
                if text_of(&event["item"], "type") == "message" {
                    self.message = Some(OutputMessage::new(index, &event["item"]));
                }
            }
            "response.output_item.done" => {
                self.items.push(event["item"].clone());
                self.message = None;
            }
            _ => {}
        }
        let Some(message) = &mut self.message else {
            return;
        };
        match kind {
            "response.content_part.added" => message.text = Some(String::new()),
            "response.output_text.delta" => message
                .text
                .get_or_insert_default()
                .push_str(text_of(event, "delta")),
            "response.content_part.done" => {
                message.text = None;
                message.parts.push(event["part"].clone());
            }
            _ => {}
        }
    }

    fn place_of(&self, theirs: u64) -> Option<u64> {
        let place = self.places.iter().rfind(|(index, _)| *index == theirs);
        place.and_then(|(_, ours)| *ours)
    }

    /// A new item for the caller.
    fn added(&mut self, theirs: u64, mut event: Value) -> Value {
        let ours = self.next_item;
        self.next_item += 1;
        self.places.push((theirs, Some(ours)));
        event["output_index"] = ours.into();
        if text_of(&event["item"], "type") == "message" {
            self.message = Some(OutputMessage::new(ours, &event["item"]));
        }
        event
    }

    /// Ends the message that is open.
    fn close(&mut self) -> Vec<Value> {
        let Some(mut message) = self.message.take() else {
            return vec![];
        };
        let mut events = Vec::new();
        if let Some(text) = message.text.take() {
            let part = json!({"type": "output_text", "annotations": [], "text": text});
            events.push(message.event("response.output_text.done", "text", text.into()));
            events.push(message.event("response.content_part.done", "part", part.clone()));
            message.parts.push(part);
        }
        let OutputMessage {
            index,
            mut item,
            parts,
            ..
        } = message;
        item["content"] = parts.into();
        item["status"] = "completed".into();
        self.items.push(item.clone());
        events.push(
            json!({"type": "response.output_item.done", "output_index": index, "item": item}),
        );
        events
    }

    fn numbered(&mut self, mut event: Value) -> Message {
        self.sequence += 1;
        event["sequence_number"] = self.sequence.into();
        Message::Event(text_of(&event, "type").to_owned(), event)
    }
}

impl OutputMessage {
    fn new(index: u64, item: &Value) -> Self {
        OutputMessage {
            index,
            item: item.clone(),
            parts: Vec::new(),
            text: None,
        }
    }

    /// An event about the part that is open.
    fn event(&self, kind: &str, key: &str, value: Value) -> Value {
        let mut event = json!({"type": kind, "item_id": self.item["id"], "output_index": self.index,
            "content_index": self.parts.len()});
        event[key] = value;
        if kind.starts_with("response.output_text.") {
            event["logprobs"] = json!([]);
        }
        event
    }
}

fn worth_of(delta: &Value) -> Worth {
    match says_something(delta) {
        true => Worth::Useful,
        false => Worth::Nothing,
    }
}
