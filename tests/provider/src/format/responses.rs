//! OpenAI Responses.
//!
//! Shapes: OpenAI's API reference, "Responses" and "Streaming events".

use bytes::Bytes;
use serde_json::{Value, json};

use super::{About, Event, Events, Failure, Format, Part, Whole, body, chat};

pub(crate) struct Responses;

/// The response object; a stream repeats it in its lifecycle events.
fn response(about: &About, status: &str, output: &[Value]) -> Value {
    let usage = (status == "completed").then(|| {
        json!({
            "input_tokens": about.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": about.output_tokens(),
            "output_tokens_details": {"reasoning_tokens": about.reasoning_tokens},
            "total_tokens": about.total_tokens(),
        })
    });
    json!({
        "id": about.id("resp_"),
        "object": "response",
        "created_at": about.created,
        "status": status,
        "background": false,
        "error": null,
        "incomplete_details": null,
        "instructions": null,
        "max_output_tokens": null,
        "metadata": {},
        "model": about.model,
        "output": output,
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "reasoning": {"effort": null, "summary": null},
        "service_tier": "default",
        "store": true,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage,
        "user": null,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Reasoning,
    Message,
    Call,
}

impl Kind {
    fn of(part: Part<'_>) -> Self {
        match part {
            Part::Reasoning(_) => Self::Reasoning,
            Part::Text(_) => Self::Message,
            Part::Arguments(_) => Self::Call,
        }
    }

    fn id(self, about: &About) -> String {
        about.id(match self {
            Self::Reasoning => "rs_",
            Self::Message => "msg_",
            Self::Call => "fc_",
        })
    }

    /// The output item; `said` is `None` while nothing is said in it yet.
    fn item(self, about: &About, said: Option<&str>) -> Value {
        let status = if said.is_some() {
            "completed"
        } else {
            "in_progress"
        };
        let parts: Vec<_> = said
            .iter()
            .filter_map(|said| self.content_part(said))
            .collect();
        match self {
            Self::Reasoning => {
                json!({"type": "reasoning", "id": self.id(about), "summary": parts})
            }
            Self::Message => json!({
                "type": "message",
                "id": self.id(about),
                "status": status,
                "role": "assistant",
                "content": parts,
            }),
            Self::Call => json!({
                "type": "function_call",
                "id": self.id(about),
                "call_id": about.id("call_"),
                "status": status,
                "name": about.tool,
                "arguments": said.unwrap_or_default(),
            }),
        }
    }

    fn content_part(self, text: &str) -> Option<Value> {
        match self {
            Self::Reasoning => Some(json!({"type": "summary_text", "text": text})),
            Self::Message => Some(json!({
                "type": "output_text",
                "text": text,
                "annotations": [],
                "logprobs": [],
            })),
            Self::Call => None,
        }
    }
}

impl Format for Responses {
    fn whole(&self, about: &About, whole: &Whole) -> Bytes {
        let reasoning = whole.reasoning.as_deref();
        let mut output: Vec<_> = reasoning
            .map(|said| Kind::Reasoning.item(about, Some(said)))
            .into_iter()
            .collect();
        let kind = if about.tool.is_some() {
            Kind::Call
        } else {
            Kind::Message
        };
        output.push(kind.item(about, Some(&whole.said)));
        body(&response(about, "completed", &output))
    }

    fn events(&self, about: About) -> Box<dyn Events> {
        Box::new(ResponsesEvents {
            about,
            sequence_number: 0,
            output: Vec::new(),
            open: None,
        })
    }

    fn remaining_tokens(&self) -> Option<&'static str> {
        Some(chat::REMAINING_TOKENS)
    }

    fn error_body(&self, failure: &Failure) -> Bytes {
        chat::error_body(failure)
    }
}

struct ResponsesEvents {
    about: About,
    sequence_number: u64,
    /// Items that are finished.
    output: Vec<Value>,
    /// The item that is being said, and all that was said of it.
    open: Option<(Kind, String)>,
}

impl ResponsesEvents {
    fn event(&mut self, name: &'static str, mut data: Value) -> Event {
        data["sequence_number"] = self.sequence_number.into();
        self.sequence_number += 1;
        Event::typed(name, data)
    }

    fn lifecycle(&mut self, name: &'static str, status: &str) -> Event {
        let response = response(&self.about, status, &self.output);
        self.event(name, json!({ "response": response }))
    }

    /// An event about the open item.
    fn of_item(&mut self, kind: Kind, name: &'static str, mut data: Value) -> Event {
        data["item_id"] = kind.id(&self.about).into();
        data["output_index"] = self.output.len().into();
        match kind {
            Kind::Reasoning => data["summary_index"] = 0.into(),
            Kind::Message => data["content_index"] = 0.into(),
            Kind::Call => {}
        }
        self.event(name, data)
    }

    fn item_event(&mut self, name: &'static str, item: &Value) -> Event {
        let data = json!({"item": item, "output_index": self.output.len()});
        self.event(name, data)
    }

    fn open(&mut self, kind: Kind) -> Vec<Event> {
        let mut events = self.close();
        let item = kind.item(&self.about, None);
        events.push(self.item_event("response.output_item.added", &item));
        let name = match kind {
            Kind::Reasoning => "response.reasoning_summary_part.added",
            Kind::Message | Kind::Call => "response.content_part.added",
        };
        if let Some(part) = kind.content_part("") {
            events.push(self.of_item(kind, name, json!({ "part": part })));
        }
        self.open = Some((kind, String::new()));
        events
    }

    fn close(&mut self) -> Vec<Event> {
        let Some((kind, said)) = self.open.take() else {
            return Vec::new();
        };
        let (name, data) = match kind {
            Kind::Reasoning => (
                "response.reasoning_summary_text.done",
                json!({"text": said}),
            ),
            Kind::Message => (
                "response.output_text.done",
                json!({"text": said, "logprobs": []}),
            ),
            Kind::Call => (
                "response.function_call_arguments.done",
                json!({"arguments": said, "name": self.about.tool}),
            ),
        };
        let mut events = vec![self.of_item(kind, name, data)];
        let name = match kind {
            Kind::Reasoning => "response.reasoning_summary_part.done",
            Kind::Message | Kind::Call => "response.content_part.done",
        };
        if let Some(part) = kind.content_part(&said) {
            events.push(self.of_item(kind, name, json!({ "part": part })));
        }
        let item = kind.item(&self.about, Some(&said));
        events.push(self.item_event("response.output_item.done", &item));
        self.output.push(item);
        events
    }
}

impl Events for ResponsesEvents {
    fn beginning(&mut self) -> Vec<Event> {
        let mut events = vec![
            self.lifecycle("response.created", "in_progress"),
            self.lifecycle("response.in_progress", "in_progress"),
        ];
        if self.about.reasoning_tokens > 0 {
            events.extend(self.open(Kind::Reasoning));
        } else if self.about.tool.is_none() {
            events.extend(self.open(Kind::Message));
        }
        events
    }

    fn content(&mut self, _: usize, part: Part<'_>) -> Vec<Event> {
        let kind = Kind::of(part);
        let mut events = if self.open.as_ref().is_some_and(|(open, _)| *open == kind) {
            Vec::new()
        } else {
            self.open(kind)
        };
        if let Some((_, said)) = &mut self.open {
            said.push_str(part.said());
        }
        let (name, data) = match part {
            Part::Reasoning(delta) => (
                "response.reasoning_summary_text.delta",
                json!({ "delta": delta }),
            ),
            Part::Text(delta) => (
                "response.output_text.delta",
                json!({"delta": delta, "logprobs": []}),
            ),
            Part::Arguments(delta) => (
                "response.function_call_arguments.delta",
                json!({ "delta": delta }),
            ),
        };
        events.push(self.of_item(kind, name, data));
        events
    }

    /// `response.completed` is the finish reason and the end marker in one.
    fn ending(&mut self) -> Vec<Event> {
        let mut events = self.close();
        events.push(self.lifecycle("response.completed", "completed"));
        events
    }

    fn error(&mut self, failure: &Failure) -> Vec<Event> {
        let code = chat::code(failure);
        let error = json!({"code": code, "message": failure.message, "param": null});
        let error = self.event("error", error);
        let mut response = response(&self.about, "failed", &self.output);
        response["error"] = json!({"code": code, "message": failure.message});
        let failed = self.event("response.failed", json!({ "response": response }));
        vec![error, failed]
    }

    fn content_name(&self) -> Option<&'static str> {
        Some("response.output_text.delta")
    }
}
