//! Amazon Bedrock `Converse` and `ConverseStream`.
//!
//! Shapes: Amazon Bedrock API reference, "Converse", "ConverseStreamOutput" and "Common errors".

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::{About, Event, Events, Failure, Format, Part, Whole, body};
use crate::framing::{EventStream, Framing, SseStyle};

pub(crate) struct Converse;

const SIGNATURE: &str = "c2lnbmF0dXJl";

fn stop_reason(about: &About) -> &'static str {
    if about.tool.is_some() {
        "tool_use"
    } else {
        "end_turn"
    }
}

fn usage(about: &About) -> Value {
    json!({
        "inputTokens": about.prompt_tokens,
        "outputTokens": about.output_tokens(),
        "totalTokens": about.total_tokens(),
    })
}

/// The name of the exception that Bedrock documents for a status.
fn exception(failure: &Failure, in_band: bool) -> String {
    if let Some(code) = &failure.code {
        return code.clone();
    }
    let name = match failure.status.as_u16() {
        401 => "UnrecognizedClientException",
        403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 => "ModelTimeoutException",
        424 if in_band => "ModelStreamErrorException",
        424 => "ModelErrorException",
        429 => "ThrottlingException",
        503 => "ServiceUnavailableException",
        400..=499 => "ValidationException",
        _ => "InternalServerException",
    };
    name.to_owned()
}

/// An error in the middle of either of Bedrock's streams.
pub(super) fn exception_event(failure: &Failure) -> Event {
    let name = exception(failure, true);
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    let name: String = first.into_iter().chain(letters).collect();
    Event {
        exception: true,
        ..Event::named(name, &json!({"message": failure.message}))
    }
}

/// An answer that is not 2xx, of either of Bedrock's formats.
pub(super) fn error_body(failure: &Failure) -> Bytes {
    body(&json!({"message": failure.message}))
}

pub(super) fn error_header(failure: &Failure) -> Option<(HeaderName, HeaderValue)> {
    let name = exception(failure, false);
    let value = HeaderValue::from_str(&name).ok()?;
    Some((HeaderName::from_static("x-amzn-errortype"), value))
}

/// `ModelStreamErrorException`.
pub(super) const IN_BAND: StatusCode = StatusCode::FAILED_DEPENDENCY;

impl Format for Converse {
    fn whole(&self, about: &About, whole: &Whole) -> Bytes {
        let reasoning = whole.reasoning.as_ref().map(|text| {
            json!({"reasoningContent": {"reasoningText": {"text": text, "signature": SIGNATURE}}})
        });
        let said = match &about.tool {
            Some(name) => json!({"toolUse": {
                "toolUseId": about.id("tooluse_"),
                "name": name,
                "input": serde_json::from_str(&whole.said).unwrap_or_else(|_| json!({})),
            }}),
            None => json!({"text": whole.said}),
        };
        let content: Vec<_> = reasoning.into_iter().chain([said]).collect();
        body(&json!({
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": stop_reason(about),
            "usage": usage(about),
            "metrics": {"latencyMs": 1},
        }))
    }

    fn events(&self, about: About) -> Box<dyn Events> {
        Box::new(ConverseEvents {
            about,
            index: 0,
            open: None,
        })
    }

    fn framing(&self, _: SseStyle) -> Box<dyn Framing> {
        Box::new(EventStream::default())
    }

    fn stream_type(&self) -> &'static str {
        EventStream::TYPE
    }

    fn error_body(&self, failure: &Failure) -> Bytes {
        error_body(failure)
    }

    fn error_header(&self, failure: &Failure) -> Option<(HeaderName, HeaderValue)> {
        error_header(failure)
    }

    fn in_band_status(&self) -> StatusCode {
        IN_BAND
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Reasoning,
    Text,
    ToolUse,
}

struct ConverseEvents {
    about: About,
    /// Index of the open block, or of the next one.
    index: usize,
    open: Option<Block>,
}

impl ConverseEvents {
    fn of_block(&self, name: &'static str, mut data: Value) -> Event {
        data["contentBlockIndex"] = self.index.into();
        Event::named(name, &data)
    }

    fn delta(&self, delta: &Value) -> Event {
        self.of_block("contentBlockDelta", json!({ "delta": delta }))
    }

    fn close(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        if let Some(block) = self.open.take() {
            if block == Block::Reasoning {
                let signature = json!({"reasoningContent": {"signature": SIGNATURE}});
                events.push(self.delta(&signature));
            }
            events.push(self.of_block("contentBlockStop", json!({})));
            self.index += 1;
        }
        events
    }

    /// Only a tool's block is announced.
    fn open(&mut self, block: Block) -> Vec<Event> {
        let mut events = self.close();
        if block == Block::ToolUse {
            let id = self.about.id("tooluse_");
            let start = json!({"toolUse": {"toolUseId": id, "name": self.about.tool}});
            events.push(self.of_block("contentBlockStart", json!({ "start": start })));
        }
        self.open = Some(block);
        events
    }
}

impl Events for ConverseEvents {
    fn beginning(&mut self) -> Vec<Event> {
        vec![Event::named("messageStart", &json!({"role": "assistant"}))]
    }

    fn content(&mut self, _: usize, part: Part<'_>) -> Vec<Event> {
        let (block, delta) = match part {
            Part::Reasoning(text) => (
                Block::Reasoning,
                json!({"reasoningContent": {"text": text}}),
            ),
            Part::Text(text) => (Block::Text, json!({ "text": text })),
            Part::Arguments(text) => (Block::ToolUse, json!({"toolUse": {"input": text}})),
        };
        let mut events = if self.open == Some(block) {
            Vec::new()
        } else {
            self.open(block)
        };
        events.push(self.delta(&delta));
        events
    }

    fn ending(&mut self) -> Vec<Event> {
        let mut events = self.close();
        let data = json!({"stopReason": stop_reason(&self.about)});
        events.push(Event::named("messageStop", &data));
        events
    }

    fn end_marker(&mut self) -> Option<Event> {
        let data = json!({"usage": usage(&self.about), "metrics": {"latencyMs": 1}});
        Some(Event::named("metadata", &data))
    }

    fn error(&mut self, failure: &Failure) -> Vec<Event> {
        vec![exception_event(failure)]
    }

    fn content_name(&self) -> Option<&'static str> {
        Some("contentBlockDelta")
    }
}
