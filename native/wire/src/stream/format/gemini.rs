//! Gemini's `streamGenerateContent`, as events and as a JSON array (Gemini API reference, "GenerateContentResponse").

use serde_json::{Value, json};

use super::{
    Finishes, Format, Wishes, Worth, has_failed, is_error, is_other_than, keep_once, name_once,
    number_of, prefill, says_something, set,
};
use crate::stream::framing::Message;
use crate::stream::usage::{Names, Tokens, Usage};

const NAMES: Names = Names {
    prompt: "promptTokenCount",
    completion: "candidatesTokenCount",
    total: Some("totalTokenCount"),
};

/// The stream of a generated content.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gemini {
    id: Option<Value>,
    /// Of the answer's candidates.
    finishes: Finishes,
    several: bool,
    more_than_text: bool,
    usage: Usage,
    model: Option<String>,
}

pub(super) fn recognise(event: &Value) -> Option<Box<dyn Format>> {
    ["candidates", "promptFeedback", "usageMetadata"]
        .iter()
        .any(|key| event.get(key).is_some())
        .then(|| Box::new(Gemini::default()) as Box<dyn Format>)
}

impl Format for Gemini {
    fn read(&mut self, _: &str, event: &Value, said: &mut String) -> Worth {
        if is_error(event) {
            return Worth::Failed;
        }
        keep_once(&mut self.id, event.get("responseId"));
        if let Some(usage) = event.get("usageMetadata") {
            self.usage.report(&NAMES, usage);
        }
        name_once(&mut self.model, event.get("modelVersion"));
        let mut worth = Worth::Nothing;
        if event
            .pointer("/promptFeedback/blockReason")
            .is_some_and(says_something)
        {
            // The prompt is refused: an answer, and the only one that comes.
            self.finishes.note(0, true, false);
            worth = Worth::Useful;
        }
        for candidate in event
            .get("candidates")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let index = number_of(candidate, "index");
            self.several |= index > 0;
            let finish = candidate.get("finishReason").is_some_and(says_something);
            if has_failed(candidate, "finishReason") {
                return Worth::Failed;
            }
            let mut says = false;
            let parts = candidate
                .pointer("/content/parts")
                .and_then(Value::as_array);
            for part in parts.into_iter().flatten() {
                if says_something(part) {
                    says = true;
                    match part.get("text").and_then(Value::as_str) {
                        Some(_) if part.get("thought") == Some(&Value::Bool(true)) => {}
                        Some(text) => said.push_str(text),
                        None => self.more_than_text = true,
                    }
                }
            }
            self.finishes.note(index, finish, says);
            if says || finish {
                worth = Worth::Useful;
            }
        }
        worth
    }

    fn finished(&self) -> bool {
        self.finishes.all()
    }

    fn ended(&self) -> bool {
        false
    }

    fn tokens(&self) -> Option<Tokens> {
        self.usage.tokens()
    }

    fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    fn error(&self, message: &str) -> Message {
        Message::Event(
            String::new(),
            json!({"error": {"code": 503, "message": message, "status": "UNAVAILABLE"}}),
        )
    }

    fn is_plain_text(&self) -> bool {
        !self.several && !self.more_than_text
    }

    fn asks_for_plain_text(&self, request: &Wishes) -> bool {
        let Some(config) = request
            .get("/generationConfig")
            .or_else(|| request.get("/generation_config"))
        else {
            return true;
        };
        // Google's JSON takes both spellings of a name.
        let either = |camel: &str, snake: &str| {
            config
                .get(camel)
                .or_else(|| config.get(snake))
                .filter(|v| !v.is_null())
        };
        !is_other_than(
            either("responseMimeType", "response_mime_type"),
            &["text/plain"],
        ) && either("responseSchema", "response_schema").is_none()
            && either("responseJsonSchema", "response_json_schema").is_none()
            && !is_other_than(either("responseLogprobs", "response_logprobs"), &[])
            && either("candidateCount", "candidate_count")
                .and_then(Value::as_u64)
                .is_none_or(|n| n <= 1)
            && either("responseModalities", "response_modalities")
                .and_then(Value::as_array)
                .is_none_or(|m| m.iter().all(|m| m == "TEXT"))
    }

    fn prefilled(&self, request: &[u8], text: &str, _: bool) -> Option<Vec<u8>> {
        let content = json!({"role": "model", "parts": [{"text": text}]});
        prefill::appended(request, "contents", "model", &content)
    }

    fn go_on(&mut self) {
        self.usage.go_on();
        self.finishes = Finishes::default();
    }

    fn join(&mut self, _: &str, mut event: Value, text: &str, _: bool) -> Vec<Message> {
        if let Some(id) = &self.id {
            set(&mut event, "responseId", id.clone());
        }
        if let Some(usage) = event.get_mut("usageMetadata") {
            *usage = self.usage.with_earlier(usage.take());
        }
        let mut says = !text.is_empty();
        if let Some(candidate) = event.pointer_mut("/candidates/0") {
            says |= candidate.get("finishReason").is_some_and(says_something);
            let parts = candidate
                .pointer_mut("/content/parts")
                .and_then(Value::as_array_mut);
            if let Some(parts) = parts {
                // The client has had the first candidate's thoughts.
                parts.retain(|part| part.get("text").is_none() && says_something(part));
                says |= !parts.is_empty();
                if !text.is_empty() {
                    parts.insert(0, json!({"text": text}));
                }
            }
        }
        // Usage that comes after the finish reason.
        says |= self.finished() && event.get("usageMetadata").is_some();
        match says {
            true => vec![Message::Event(String::new(), event)],
            false => vec![],
        }
    }

    fn boxed(&self) -> Box<dyn Format> {
        Box::new(self.clone())
    }
}
