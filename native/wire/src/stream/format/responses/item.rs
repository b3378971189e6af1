//! An item of a response, followed to its end, and the events that tell of its parts.

use serde_json::{Value, json};

use crate::stream::format::{set, text_of};

/// An item that is not whole yet.
#[derive(Debug, Clone)]
pub(super) struct Item {
    index: u64,
    /// With its whole parts.
    pub(super) item: Value,
    /// The part that is not whole yet.
    pub(super) part: Option<Value>,
}

/// How the events of a part are called, by the part's type.
pub(super) struct PartEvents {
    pub(super) part: &'static str,
    /// The events about its text, and about it.
    pub(super) text_event: &'static str,
    pub(super) part_event: &'static str,
    /// The member of the item that lists it, and its index in there.
    list: &'static str,
    index: &'static str,
    /// The member that holds its text.
    text: &'static str,
}

pub(super) const PARTS: [PartEvents; 4] = [
    PartEvents {
        part: "output_text",
        text_event: "response.output_text",
        part_event: "response.content_part",
        list: "content",
        index: "content_index",
        text: "text",
    },
    PartEvents {
        part: "refusal",
        text_event: "response.refusal",
        part_event: "response.content_part",
        list: "content",
        index: "content_index",
        text: "refusal",
    },
    PartEvents {
        part: "reasoning_text",
        text_event: "response.reasoning_text",
        part_event: "response.content_part",
        list: "content",
        index: "content_index",
        text: "text",
    },
    PartEvents {
        part: "summary_text",
        text_event: "response.reasoning_summary_text",
        part_event: "response.reasoning_summary_part",
        list: "summary",
        index: "summary_index",
        text: "text",
    },
];

impl PartEvents {
    pub(super) fn of_part(part: &Value) -> &'static PartEvents {
        let kind = text_of(part, "type");
        let known = PARTS.iter().find(|p| p.part == kind);
        known.unwrap_or(&PARTS[0])
    }

    /// Those of which a delta tells.
    pub(super) fn of_delta(kind: &str) -> Option<&'static PartEvents> {
        let about = kind.strip_suffix(".delta")?;
        PARTS.iter().find(|p| p.text_event == about)
    }

    pub(super) fn empty(&self) -> Value {
        let mut part = json!({"type": self.part});
        if self.part == "output_text" {
            set(&mut part, "annotations", json!([]));
        }
        set(&mut part, self.text, "");
        part
    }
}

impl Item {
    pub(super) fn new(index: u64, item: Value) -> Self {
        Item {
            index,
            item,
            part: None,
        }
    }

    /// More text of the part that is open.
    pub(super) fn push(&mut self, events: &PartEvents, text: &str) {
        let part = self.part.get_or_insert_with(|| events.empty());
        if let Some(Value::String(whole)) = part.get_mut(events.text) {
            whole.push_str(text);
        }
    }

    /// A part is whole.
    pub(super) fn keep(&mut self, part: Value) {
        self.part = None;
        let list = PartEvents::of_part(&part).list;
        match self.item.get_mut(list).and_then(Value::as_array_mut) {
            Some(parts) => parts.push(part),
            None => set(&mut self.item, list, json!([part])),
        }
    }

    pub(super) fn close_part(&mut self) -> Vec<Value> {
        let Some(part) = self.part.take() else {
            return vec![];
        };
        let events = PartEvents::of_part(&part);
        let text = (events.text, part[events.text].clone());
        let told = vec![
            self.part_event(events.text_event, ".done", events, text),
            self.part_event(events.part_event, ".done", events, ("part", part.clone())),
        ];
        self.keep(part);
        told
    }

    /// An event about the item.
    pub(super) fn event(&self, kind: &str) -> Value {
        json!({"type": kind, "output_index": self.index, "item": self.item})
    }

    /// An event about the part that is open.
    pub(super) fn part_event(
        &self,
        about: &str,
        what: &str,
        events: &PartEvents,
        member: (&str, Value),
    ) -> Value {
        let parts = self.item.get(events.list).and_then(Value::as_array);
        let mut event = json!({"type": format!("{about}{what}"), "item_id": self.item["id"],
            "output_index": self.index});
        set(&mut event, events.index, parts.map_or(0, Vec::len));
        set(&mut event, member.0, member.1);
        if about == "response.output_text" {
            set(&mut event, "logprobs", json!([]));
        }
        event
    }
}

/// The message that a delta belongs to, when nothing else was said of it.
pub(super) fn message(delta: &Value) -> Value {
    json!({"type": "message", "id": delta["item_id"], "role": "assistant", "status": "in_progress", "content": []})
}
