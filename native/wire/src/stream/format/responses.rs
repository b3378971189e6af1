//! OpenAI Responses (OpenAI API reference, "Streaming events").

mod item;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::blocks::MOST_PLACES;
use super::{
    Format, MOST_KEPT, Wishes, Worth, is_error, keep_once, name_once, number_of, prefill,
    says_something, set, text_of,
};
use crate::json::edit;
use crate::json::outline::room;
use crate::stream::framing::Message;
use crate::stream::usage::{Names, Tokens, Usage};
use item::{Item, PARTS, PartEvents, message};

const NAMES: Names = Names {
    prompt: "input_tokens",
    completion: "output_tokens",
    total: Some("total_tokens"),
};

/// The most room, in bytes, of the items of one answer. One that has more is not gone on with.
const MOST_KEPT_ITEMS: usize = 4 * 1024 * 1024;

/// A response's stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Responses {
    /// The first candidate's `id` and `created_at`.
    id: Option<Value>,
    created_at: Option<Value>,
    /// Of the last event that the client has.
    sequence: u64,
    /// The items that the client has whole, and the one that it has the beginning of.
    items: Vec<Value>,
    open: Option<Item>,
    /// About how much room they take.
    kept: usize,
    next_item: u64,
    more_than_text: bool,
    done: bool,
    usage: Usage,
    model: Option<String>,
    /// Whether the items are no longer followed, because nobody will go on.
    forgotten: bool,
    joined: bool,
    /// Whether the client has been told of the end.
    told: bool,
    /// The places of the items that are passed on from the candidate that goes on, by its own indexes.
    places: BTreeMap<u64, u64>,
    /// Its message, for when there is text to put in.
    waiting: Option<Value>,
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
            self.sequence = self.sequence.max(number_of(event, "sequence_number"));
            self.follow(kind, event);
        } else if self.kept > MOST_KEPT_ITEMS {
            return Worth::Broken;
        }
        name_once(&mut self.model, event.pointer("/response/model"));
        match kind {
            "response.created" => {
                keep_once(&mut self.id, event["response"].get("id"));
                keep_once(&mut self.created_at, event["response"].get("created_at"));
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
                self.usage.report(&NAMES, &event["response"]["usage"]);
                Worth::Useful
            }
            "response.failed" => Worth::Failed,
            _ if !kind.starts_with("response.") && is_error(event) => Worth::Failed,
            _ if kind.ends_with(".delta") => worth_of(&event["delta"]),
            _ if kind.ends_with(".partial_image") => Worth::Useful,
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
        self.usage.tokens()
    }

    fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    fn error(&self, message: &str) -> Message {
        let code = "server_error";
        // Flat as documented, and nested because that is what OpenAI's client libraries raise.
        let error = json!({"type": code, "code": code, "message": message, "param": null});
        Message::Event(
            "error".into(),
            json!({"type": "error", "code": code, "message": message, "param": null,
                "sequence_number": self.sequence + 1, "error": error}),
        )
    }

    fn raised(&self, event: &Value) -> Option<Message> {
        let error = match text_of(event, "type") {
            "response.failed" => &event["response"]["error"],
            _ if event.get("error").is_some_and(Value::is_object) => return None,
            _ => event,
        };
        Some(self.error(text_of(error, "message")))
    }

    fn is_plain_text(&self) -> bool {
        !self.more_than_text
    }

    fn asks_for_plain_text(&self, request: &Wishes) -> bool {
        !request.want_other_than("/text/format/type", &["text"])
            && request.number("/top_logprobs") == 0
    }

    fn prefilled(&self, request: &[u8], text: &str, _: bool) -> Option<Vec<u8>> {
        let message = json!({"role": "assistant", "content": text});
        prefill::appended(request, "input", "assistant", &message).or_else(|| {
            edit::replaced(request, "input", |input| {
                let input: String = serde_json::from_str(input).ok()?;
                Some(json!([{"role": "user", "content": input}, message]).to_string())
            })
        })
    }

    fn forget(&mut self) {
        // Of a stream that was gone on with already, the end is told from them.
        if !self.joined {
            self.forgotten = true;
            self.items = Vec::new();
            self.open = None;
        }
    }

    fn go_on(&mut self) {
        self.joined = true;
        self.done = false;
        self.told = false;
        self.usage.go_on();
        self.places.clear();
        self.waiting = None;
    }

    fn join(&mut self, _: &str, mut event: Value, text: &str, buffered: bool) -> Vec<Message> {
        let theirs = number_of(&event, "output_index");
        let place = self.places.get(&theirs).copied();
        let kind = text_of(&event, "type").to_owned();
        let item_kind = event["item"].get("type").and_then(Value::as_str);
        let events = match (kind.as_str(), item_kind) {
            ("response.created" | "response.in_progress" | "response.queued", _) => vec![],
            // The client has had the first candidate's thoughts.
            ("response.output_item.added", Some("reasoning")) => vec![],
            ("response.output_item.added", Some("message")) => {
                let item = event["item"].take();
                self.waiting = (room(&item) <= MOST_KEPT).then_some(item);
                vec![]
            }
            ("response.output_item.added", _) => {
                let mut events = self.close("completed");
                let ours = self.next_item;
                self.next_item += 1;
                self.places.insert(theirs, ours);
                if self.places.len() > MOST_PLACES {
                    self.places.pop_first();
                }
                set(&mut event, "output_index", ours);
                events.push(event);
                events
            }
            ("response.output_text.delta", _) => self.put(&PARTS[0], &event, text),
            ("response.refusal.delta", _) => self.put(&PARTS[1], &event, text_of(&event, "delta")),
            ("response.output_item.done", Some("message")) if !buffered => self.close("completed"),
            ("response.completed" | "response.incomplete", _) if self.told => vec![],
            ("response.completed" | "response.incomplete", _) => {
                self.told = true;
                let mut events = self.close(match kind.as_str() {
                    "response.completed" => "completed",
                    _ => "incomplete",
                });
                self.finish(&mut event["response"]);
                events.push(event);
                events
            }
            // What else is said of a message is said with its own text when it is closed.
            _ if event.get("output_index").is_some() => match place {
                Some(ours) => {
                    if kind == "response.output_item.done" {
                        self.kept += room(&event["item"]);
                        self.items.push(event["item"].clone());
                    }
                    set(&mut event, "output_index", ours);
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
    /// Follows what the client gets from the first candidate.
    fn follow(&mut self, kind: &str, event: &Value) {
        if self.forgotten {
            return;
        }
        let index = number_of(event, "output_index");
        self.kept += match kind {
            "response.output_item.added" | "response.output_item.done" => room(&event["item"]),
            _ if kind.ends_with(".delta") => text_of(event, "delta").len(),
            _ => event.get("part").map_or(0, room),
        };
        if self.kept > MOST_KEPT_ITEMS {
            self.more_than_text = true;
            self.forget();
            return;
        }
        match kind {
            "response.output_item.added" => {
                self.next_item = self.next_item.max(index + 1);
                self.open = Some(Item::new(index, event["item"].clone()));
            }
            "response.output_item.done" => {
                self.items.push(event["item"].clone());
                self.open = None;
            }
            "response.content_part.added" | "response.reasoning_summary_part.added" => {
                if let Some(item) = &mut self.open {
                    item.part = Some(event["part"].clone());
                }
            }
            "response.content_part.done" | "response.reasoning_summary_part.done" => {
                if let Some(item) = &mut self.open {
                    item.keep(event["part"].clone());
                }
            }
            _ => {
                if let Some(events) = PartEvents::of_delta(kind) {
                    // Those who leave out what comes before.
                    let item = self.open.get_or_insert_with(|| {
                        self.next_item = self.next_item.max(index + 1);
                        Item::new(index, message(event))
                    });
                    item.push(events, text_of(event, "delta"));
                }
            }
        }
    }

    /// Text in its place, with what has to be said before it.
    fn put(&mut self, events: &PartEvents, delta: &Value, text: &str) -> Vec<Value> {
        if text.is_empty() {
            return vec![];
        }
        let mut told = Vec::new();
        if self
            .open
            .as_ref()
            .is_none_or(|o| text_of(&o.item, "type") != "message")
        {
            // A thought that broke off.
            told = self.close("incomplete");
        }
        let item = self.open.get_or_insert_with(|| {
            let waiting = self.waiting.take().unwrap_or_else(|| message(delta));
            let item = Item::new(self.next_item, waiting);
            self.next_item += 1;
            told.push(item.event("response.output_item.added"));
            item
        });
        if item
            .part
            .as_ref()
            .is_some_and(|part| PartEvents::of_part(part).part != events.part)
        {
            told.extend(item.close_part());
        }
        if item.part.is_none() {
            told.push(item.part_event(
                events.part_event,
                ".added",
                events,
                ("part", events.empty()),
            ));
        }
        self.kept += text.len();
        item.push(events, text);
        told.push(item.part_event(events.text_event, ".delta", events, ("delta", text.into())));
        told
    }

    /// Ends the item that is open.
    fn close(&mut self, status: &str) -> Vec<Value> {
        let Some(mut item) = self.open.take() else {
            return vec![];
        };
        let mut told = item.close_part();
        set(&mut item.item, "status", status);
        told.push(item.event("response.output_item.done"));
        self.items.push(item.item);
        told
    }

    /// The whole response, as the events have told it.
    fn finish(&self, response: &mut Value) {
        for (mine, key) in [(&self.id, "id"), (&self.created_at, "created_at")] {
            if let Some(mine) = mine {
                set(response, key, mine.clone());
            }
        }
        set(response, "output", self.items.clone());
        if let Some(usage) = response.get_mut("usage") {
            *usage = self.usage.with_earlier(usage.take());
        }
    }

    fn numbered(&mut self, mut event: Value) -> Message {
        self.sequence += 1;
        set(&mut event, "sequence_number", self.sequence);
        Message::Event(text_of(&event, "type").to_owned(), event)
    }
}

fn worth_of(delta: &Value) -> Worth {
    match says_something(delta) {
        true => Worth::Useful,
        false => Worth::Nothing,
    }
}
