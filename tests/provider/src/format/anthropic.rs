//! Anthropic Messages, from Anthropic itself or from Vertex AI.
//!
//! Shapes: Anthropic's API reference, "Messages", "Streaming messages" and "Errors". Vertex AI puts an event of its own into
//! streams (github.com/vercel/ai, issue 11309).

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::{About, Event, Events, Failure, Format, Part, Whole, body};

pub(crate) struct Anthropic {
    pub(super) vertex: bool,
}

const SIGNATURE: &str = "c2lnbmF0dXJl";

fn stop_reason(about: &About) -> &'static str {
    if about.tool.is_some() {
        "tool_use"
    } else {
        "end_turn"
    }
}

fn message(about: &About, content: &[Value], stop_reason: Option<&str>, output: usize) -> Value {
    json!({
        "id": about.id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": about.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": null,
        "usage": {
            "input_tokens": about.prompt_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": output,
            "service_tier": "standard",
        },
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Thinking,
    Text,
    ToolUse,
}

impl Block {
    fn of(part: Part<'_>) -> Self {
        match part {
            Part::Reasoning(_) => Self::Thinking,
            Part::Text(_) => Self::Text,
            Part::Arguments(_) => Self::ToolUse,
        }
    }

    fn content(self, about: &About, said: &str, signature: &str) -> Value {
        match self {
            Self::Thinking => {
                json!({"type": "thinking", "thinking": said, "signature": signature})
            }
            Self::Text => json!({"type": "text", "text": said}),
            Self::ToolUse => json!({
                "type": "tool_use",
                "id": about.id("toolu_"),
                "name": about.tool,
                "input": serde_json::from_str(said).unwrap_or_else(|_| json!({})),
                "caller": {"type": "direct"},
            }),
        }
    }
}

/// The `type` that Anthropic documents for a status.
fn error_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}

fn error(failure: &Failure) -> Value {
    let kind = failure.code.as_deref();
    json!({
        "type": "error",
        "error": {
            "type": kind.unwrap_or_else(|| error_type(failure.status)),
            "message": failure.message,
        },
    })
}

impl Format for Anthropic {
    fn whole(&self, about: &About, whole: &Whole) -> Bytes {
        let reasoning = whole.reasoning.as_deref();
        let mut content: Vec<_> = reasoning
            .map(|said| Block::Thinking.content(about, said, SIGNATURE))
            .into_iter()
            .collect();
        let block = if about.tool.is_some() {
            Block::ToolUse
        } else {
            Block::Text
        };
        content.push(block.content(about, &whole.said, ""));
        let output = about.output_tokens();
        body(&message(about, &content, Some(stop_reason(about)), output))
    }

    fn events(&self, about: About) -> Box<dyn Events> {
        Box::new(AnthropicEvents::new(about, self.vertex))
    }

    fn remaining_tokens(&self) -> Option<&'static str> {
        (!self.vertex).then_some("anthropic-ratelimit-tokens-remaining")
    }

    fn error_body(&self, failure: &Failure) -> Bytes {
        body(&error(failure))
    }

    /// Overloaded.
    fn in_band_status(&self) -> StatusCode {
        StatusCode::from_u16(529).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn objection(&self, prefill: &str) -> Option<&'static str> {
        let trailing = prefill.ends_with(char::is_whitespace);
        trailing.then_some("messages: final assistant content cannot end with trailing whitespace")
    }
}

pub(super) struct AnthropicEvents {
    about: About,
    vertex: bool,
    /// Index of the open block, or of the next one.
    index: usize,
    open: Option<Block>,
}

impl AnthropicEvents {
    pub(super) fn new(about: About, vertex: bool) -> Self {
        Self {
            about,
            vertex,
            index: 0,
            open: None,
        }
    }

    fn delta(&self, delta: &Value) -> Event {
        let data = json!({"index": self.index, "delta": delta});
        Event::typed("content_block_delta", data)
    }

    fn open(&mut self, block: Block) -> Vec<Event> {
        let mut events = self.close();
        self.open = Some(block);
        let data =
            json!({"index": self.index, "content_block": block.content(&self.about, "", "")});
        events.push(Event::typed("content_block_start", data));
        events
    }

    fn close(&mut self) -> Vec<Event> {
        let Some(block) = self.open.take() else {
            return Vec::new();
        };
        let mut events = Vec::new();
        if block == Block::Thinking {
            let signature = json!({"type": "signature_delta", "signature": SIGNATURE});
            events.push(self.delta(&signature));
        }
        let data = json!({"index": self.index});
        events.push(Event::typed("content_block_stop", data));
        self.index += 1;
        events
    }
}

impl Events for AnthropicEvents {
    fn beginning(&mut self) -> Vec<Event> {
        let message = message(&self.about, &[], None, 1);
        let usage = message["usage"].clone();
        let mut events = vec![Event::typed("message_start", json!({ "message": message }))];
        if self.vertex {
            events.push(Event::typed("vertex_event", json!({ "usage": usage })));
        }
        if self.about.reasoning_tokens > 0 {
            events.extend(self.open(Block::Thinking));
        } else if self.about.tool.is_none() {
            events.extend(self.open(Block::Text));
        }
        events.extend(self.ping());
        events
    }

    fn content(&mut self, _: usize, part: Part<'_>) -> Vec<Event> {
        let block = Block::of(part);
        let mut events = if self.open == Some(block) {
            Vec::new()
        } else {
            self.open(block)
        };
        let delta = match part {
            Part::Reasoning(text) => json!({"type": "thinking_delta", "thinking": text}),
            Part::Text(text) => json!({"type": "text_delta", "text": text}),
            Part::Arguments(text) => json!({"type": "input_json_delta", "partial_json": text}),
        };
        events.push(self.delta(&delta));
        events
    }

    fn ending(&mut self) -> Vec<Event> {
        let mut events = self.close();
        let data = json!({
            "delta": {"stop_reason": stop_reason(&self.about), "stop_sequence": null},
            "usage": {"output_tokens": self.about.output_tokens()},
        });
        events.push(Event::typed("message_delta", data));
        events
    }

    fn end_marker(&mut self) -> Option<Event> {
        Some(Event::typed("message_stop", json!({})))
    }

    fn error(&mut self, failure: &Failure) -> Vec<Event> {
        vec![Event::named("error", &error(failure))]
    }

    fn ping(&self) -> Option<Event> {
        Some(Event::typed("ping", json!({})))
    }

    fn content_name(&self) -> Option<&'static str> {
        Some("content_block_delta")
    }
}
