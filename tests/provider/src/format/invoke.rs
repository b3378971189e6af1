//! Amazon Bedrock `InvokeModel` and `InvokeModelWithResponseStream` with a model that speaks Anthropic Messages.
//!
//! Shapes: Amazon Bedrock API reference, "InvokeModelWithResponseStream", and user guide, "Anthropic Claude Messages API".
//! Each native event is a `chunk` that holds it in Base64.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::{
    About, Event, Events, Failure, Format, Part, Whole,
    anthropic::{Anthropic, AnthropicEvents},
    converse,
};
use crate::framing::{EventStream, Framing, SseStyle};

pub(crate) struct Invoke;

const NATIVE: Anthropic = Anthropic { vertex: false };

impl Format for Invoke {
    fn whole(&self, about: &About, whole: &Whole) -> Bytes {
        NATIVE.whole(about, whole)
    }

    fn events(&self, about: About) -> Box<dyn Events> {
        Box::new(InvokeEvents {
            metrics: json!({
                "inputTokenCount": about.prompt_tokens,
                "outputTokenCount": about.output_tokens(),
                "invocationLatency": 1,
                "firstByteLatency": 1,
            }),
            native: AnthropicEvents::new(about, false),
        })
    }

    fn framing(&self, _: SseStyle) -> Box<dyn Framing> {
        Box::new(EventStream::default())
    }

    fn stream_type(&self) -> &'static str {
        EventStream::TYPE
    }

    fn stream_headers(&self) -> &'static [(&'static str, &'static str)] {
        &[("x-amzn-bedrock-content-type", "application/json")]
    }

    fn error_body(&self, failure: &Failure) -> Bytes {
        converse::error_body(failure)
    }

    fn error_header(&self, failure: &Failure) -> Option<(HeaderName, HeaderValue)> {
        converse::error_header(failure)
    }

    fn in_band_status(&self) -> StatusCode {
        converse::IN_BAND
    }

    fn objection(&self, prefill: &str) -> Option<&'static str> {
        NATIVE.objection(prefill)
    }
}

struct InvokeEvents {
    native: AnthropicEvents,
    metrics: Value,
}

const CHUNK: &str = "chunk";

fn chunk(native: &[u8]) -> Event {
    Event::named(CHUNK, &json!({"bytes": STANDARD.encode(native)}))
}

/// Anthropic's pings don't come through Bedrock.
fn chunks(native: Vec<Event>) -> Vec<Event> {
    let events = native.iter();
    events
        .filter(|event| event.name.as_deref() != Some("ping"))
        .map(|event| chunk(&event.data))
        .collect()
}

impl Events for InvokeEvents {
    fn beginning(&mut self) -> Vec<Event> {
        chunks(self.native.beginning())
    }

    fn content(&mut self, choice: usize, part: Part<'_>) -> Vec<Event> {
        chunks(self.native.content(choice, part))
    }

    fn ending(&mut self) -> Vec<Event> {
        chunks(self.native.ending())
    }

    fn end_marker(&mut self) -> Option<Event> {
        let stop = json!({
            "type": "message_stop",
            "amazon-bedrock-invocationMetrics": self.metrics,
        });
        Some(chunk(stop.to_string().as_bytes()))
    }

    fn error(&mut self, failure: &Failure) -> Vec<Event> {
        vec![converse::exception_event(failure)]
    }

    fn content_name(&self) -> Option<&'static str> {
        Some(CHUNK)
    }
}
