//! Gemini `generateContent` and `streamGenerateContent`, from the Gemini API or from Vertex AI.
//!
//! Shapes: Gemini API reference, "GenerateContentResponse"; errors: Google's AIP-193. A stream is SSE with `?alt=sse` and
//! a JSON array without.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::{About, Event, Events, Failure, Format, Part, Whole, body};
use crate::framing::{Framing, JsonArray, Sse, SseStyle};

pub(crate) struct Gemini {
    /// Streams and their errors are JSON arrays.
    pub(super) array: bool,
}

/// One response; `text_tokens` and `reasoning_tokens` are those so far.
fn response(
    about: &About,
    parts: &[Value],
    finish_reason: Option<&str>,
    text_tokens: usize,
    reasoning_tokens: usize,
) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if let Some(reason) = finish_reason {
        candidate["finishReason"] = reason.into();
    }
    let total = about.prompt_tokens + text_tokens + reasoning_tokens;
    let mut usage = json!({"promptTokenCount": about.prompt_tokens, "totalTokenCount": total});
    for (name, count) in [
        ("candidatesTokenCount", text_tokens),
        ("thoughtsTokenCount", reasoning_tokens),
    ] {
        if count > 0 {
            usage[name] = count.into();
        }
    }
    json!({
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": about.model,
        "responseId": about.id(""),
    })
}

fn part(about: &About, part: Part<'_>) -> Value {
    match part {
        Part::Reasoning(text) => json!({"text": text, "thought": true}),
        Part::Text(text) => json!({ "text": text }),
        Part::Arguments(arguments) => json!({"functionCall": {
            "name": about.tool,
            "args": serde_json::from_str(arguments).unwrap_or_else(|_| json!({})),
        }}),
    }
}

/// The canonical name of a status, as far as HTTP's statuses map to one.
fn status_name(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        501 => "UNIMPLEMENTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        400..=499 => "INVALID_ARGUMENT",
        500 => "INTERNAL",
        _ => "UNKNOWN",
    }
}

fn error(failure: &Failure) -> Value {
    let code = failure.code.as_deref();
    json!({"error": {
        "code": failure.status.as_u16(),
        "message": failure.message,
        "status": code.unwrap_or_else(|| status_name(failure.status)),
    }})
}

impl Format for Gemini {
    fn whole(&self, about: &About, whole: &Whole) -> Bytes {
        let said = match about.tool {
            Some(_) => Part::Arguments(&whole.said),
            None => Part::Text(&whole.said),
        };
        let reasoning = whole.reasoning.as_deref().map(Part::Reasoning);
        let parts: Vec<_> = reasoning
            .into_iter()
            .chain([said])
            .map(|one| part(about, one))
            .collect();
        body(&response(
            about,
            &parts,
            Some("STOP"),
            about.text_tokens,
            about.reasoning_tokens,
        ))
    }

    fn events(&self, about: About) -> Box<dyn Events> {
        Box::new(GeminiEvents {
            about,
            text_tokens: 0,
            reasoning_tokens: 0,
        })
    }

    fn framing(&self, style: SseStyle) -> Box<dyn Framing> {
        if self.array {
            Box::new(JsonArray::new(style.multiline))
        } else {
            Box::new(Sse::new(style))
        }
    }

    fn stream_type(&self) -> &'static str {
        if self.array {
            JsonArray::TYPE
        } else {
            Sse::TYPE
        }
    }

    fn error_body(&self, failure: &Failure) -> Bytes {
        let error = error(failure);
        body(&if self.array { json!([error]) } else { error })
    }

    fn in_band_status(&self) -> StatusCode {
        StatusCode::SERVICE_UNAVAILABLE
    }

    /// A function call is one part.
    fn splits_arguments(&self) -> bool {
        false
    }

    fn no_prefill(&self) -> &'static str {
        "Please ensure that single turn requests end with a user role or the role field is empty."
    }
}

struct GeminiEvents {
    about: About,
    text_tokens: usize,
    reasoning_tokens: usize,
}

impl GeminiEvents {
    fn chunk(&self, part: Value, finish_reason: Option<&str>) -> Vec<Event> {
        let chunk = response(
            &self.about,
            &[part],
            finish_reason,
            self.text_tokens,
            self.reasoning_tokens,
        );
        vec![Event::unnamed(chunk.to_string())]
    }
}

impl Events for GeminiEvents {
    /// A chunk with an empty text: there is no role to announce by itself.
    fn beginning(&mut self) -> Vec<Event> {
        self.chunk(json!({"text": ""}), None)
    }

    fn content(&mut self, _: usize, said: Part<'_>) -> Vec<Event> {
        match said {
            Part::Reasoning(_) => self.reasoning_tokens += 1,
            Part::Text(_) => self.text_tokens += 1,
            Part::Arguments(_) => self.text_tokens = self.about.text_tokens,
        }
        self.chunk(part(&self.about, said), None)
    }

    fn ending(&mut self) -> Vec<Event> {
        self.chunk(json!({"text": ""}), Some("STOP"))
    }

    fn error(&mut self, failure: &Failure) -> Vec<Event> {
        vec![Event::unnamed(error(failure).to_string())]
    }
}
