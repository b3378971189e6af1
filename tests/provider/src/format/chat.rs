//! OpenAI chat completions, as Azure OpenAI, Mistral and many others speak them.
//!
//! Shapes: OpenAI's API reference, "Chat" and "Chat streaming"; `reasoning_content` is what DeepSeek and others add. Azure's
//! streams begin with what its content filter says of the prompt: Azure OpenAI, "Content filtering".

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::{About, Event, Events, Failure, Format, Part, Usage, Whole, body};
use crate::json::to_json;

pub(crate) struct Chat {
    pub(super) azure: bool,
}

pub(super) const REMAINING_TOKENS: &str = "x-ratelimit-remaining-tokens";

/// The model behind every Azure deployment.
const AZURE_MODEL: &str = "gpt-4o-2024-11-20";

/// Mistral's API reference, "Chat Completion".
const MISTRAL_FIELDS: &[&str] = &[
    "frequency_penalty",
    "guardrails",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_mode",
    "random_seed",
    "reasoning_effort",
    "response_format",
    "safe_prompt",
    "stop",
    "stream",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
];

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Value>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<Message<'a>>,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

#[derive(Default, Serialize)]
struct Message<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    /// `Some(None)` is `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    /// Always `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<Value>,
}

fn usage(about: &About) -> Value {
    let mut usage = json!({
        "prompt_tokens": about.prompt_tokens,
        "completion_tokens": about.output_tokens(),
        "total_tokens": about.total_tokens(),
    });
    if about.reasoning_tokens > 0 {
        usage["completion_tokens_details"] = json!({"reasoning_tokens": about.reasoning_tokens});
    }
    usage
}

fn finish_reason(about: &About) -> &'static str {
    if about.tool.is_some() {
        "tool_calls"
    } else {
        "stop"
    }
}

fn call_id(about: &About, choice: usize) -> String {
    format!("{}-{choice}", about.id("call_"))
}

/// The body of an OpenAI error.
pub(crate) fn error_body(failure: &Failure) -> Bytes {
    body(&json!({"error": error_object(failure)}))
}

fn error_object(failure: &Failure) -> Value {
    let (kind, usual) = match failure.status.as_u16() {
        401 => ("invalid_request_error", Some("invalid_api_key")),
        429 => ("rate_limit_error", Some("rate_limit_exceeded")),
        400..=499 => ("invalid_request_error", None),
        _ => ("server_error", None),
    };
    json!({
        "message": failure.message,
        "type": kind,
        "param": null,
        "code": failure.code.as_deref().or(usual),
    })
}

impl Format for Chat {
    fn whole(&self, about: &About, whole: &Whole) -> Bytes {
        let tool_calls = |choice| {
            let name = about.tool.as_ref()?;
            Some(json!([{
                "id": call_id(about, choice),
                "type": "function",
                "function": {"name": name, "arguments": whole.said},
            }]))
        };
        let content = about.tool.is_none().then_some(whole.said.as_str());
        let choices: Vec<_> = (0..about.choices)
            .map(|index| Choice {
                index,
                message: Some(Message {
                    role: Some("assistant"),
                    content: Some(content),
                    reasoning_content: whole.reasoning.as_deref(),
                    refusal: Some(()),
                    tool_calls: tool_calls(index),
                }),
                delta: None,
                logprobs: None,
                finish_reason: Some(finish_reason(about)),
            })
            .collect();
        to_json(&Completion {
            id: &about.id("chatcmpl-"),
            object: "chat.completion",
            created: about.created,
            model: &about.model,
            choices: &choices,
            usage: (about.usage != Usage::Nowhere).then(|| usage(about)),
        })
    }

    fn events(&self, about: About) -> Box<dyn Events> {
        Box::new(ChatEvents {
            id: about.id("chatcmpl-"),
            called: vec![false; about.choices],
            azure: self.azure,
            about,
        })
    }

    fn remaining_tokens(&self) -> Option<&'static str> {
        Some(REMAINING_TOKENS)
    }

    fn error_body(&self, failure: &Failure) -> Bytes {
        error_body(failure)
    }

    fn answering_model<'a>(&self, asked: &'a str) -> &'a str {
        if self.azure { AZURE_MODEL } else { asked }
    }

    /// As Mistral (github.com/editor-code-assistant/eca, issue 231).
    fn unknown_fields(&self, request: &Value) -> Option<Bytes> {
        let fields = request.as_object()?.iter();
        let detail: Vec<_> = fields
            .filter(|(name, _)| !MISTRAL_FIELDS.contains(&name.as_str()))
            .map(|(name, value)| {
                json!({
                    "type": "extra_forbidden",
                    "loc": ["body", name],
                    "msg": "Extra inputs are not permitted",
                    "input": value,
                })
            })
            .collect();
        (!detail.is_empty()).then(|| {
            body(&json!({
                "object": "error",
                "message": {"detail": detail},
                "type": "invalid_request_error",
                "param": null,
                "code": null,
            }))
        })
    }

    /// Mistral's own shape, the only provider that says this.
    fn no_prefix(&self, message: &str) -> Bytes {
        body(&json!({
            "object": "error",
            "message": message,
            "type": "invalid_request_message_order",
            "param": null,
            "code": "3230",
        }))
    }
}

struct ChatEvents {
    id: String,
    about: About,
    /// Per choice, whether the tool call's head has been sent.
    called: Vec<bool>,
    azure: bool,
}

impl ChatEvents {
    fn chunk(&self, choices: &[Choice<'_>], usage: Option<Value>) -> Event {
        Event::unnamed(to_json(&Completion {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.about.created,
            model: &self.about.model,
            choices,
            usage: usage.or_else(|| (self.about.usage == Usage::OwnChunk).then_some(Value::Null)),
        }))
    }

    fn delta(&self, index: usize, delta: Message<'_>) -> Event {
        self.chunk(&[choice(index, delta, None)], None)
    }
}

fn choice<'a>(index: usize, delta: Message<'a>, finish_reason: Option<&'static str>) -> Choice<'a> {
    Choice {
        index,
        message: None,
        delta: Some(delta),
        logprobs: None,
        finish_reason,
    }
}

impl Events for ChatEvents {
    fn beginning(&mut self) -> Vec<Event> {
        let content = self.about.tool.is_none().then_some("");
        let role = |choice| {
            let role = Message {
                role: Some("assistant"),
                content: Some(content),
                refusal: Some(()),
                ..Message::default()
            };
            self.delta(choice, role)
        };
        let filtered = self.azure.then(|| {
            let safe = json!({"hate": {"filtered": false, "severity": "safe"}});
            let results = json!([{"prompt_index": 0, "content_filter_results": safe}]);
            let chunk = json!({
                "id": "",
                "object": "",
                "created": 0,
                "model": "",
                "choices": [],
                "prompt_filter_results": results,
            });
            Event::unnamed(chunk.to_string())
        });
        let roles = (0..self.about.choices).map(role);
        filtered.into_iter().chain(roles).collect()
    }

    fn content(&mut self, choice: usize, part: Part<'_>) -> Vec<Event> {
        let mut events = Vec::new();
        let delta = match part {
            Part::Text(text) => Message {
                content: Some(Some(text)),
                ..Message::default()
            },
            Part::Reasoning(text) => Message {
                reasoning_content: Some(text),
                ..Message::default()
            },
            Part::Arguments(arguments) => {
                let head = !std::mem::replace(&mut self.called[choice], true);
                if head {
                    let call = json!([{
                        "index": 0,
                        "id": call_id(&self.about, choice),
                        "type": "function",
                        "function": {"name": self.about.tool, "arguments": ""},
                    }]);
                    let delta = Message {
                        tool_calls: Some(call),
                        ..Message::default()
                    };
                    events.push(self.delta(choice, delta));
                }
                let call = json!([{"index": 0, "function": {"arguments": arguments}}]);
                Message {
                    tool_calls: Some(call),
                    ..Message::default()
                }
            }
        };
        events.push(self.delta(choice, delta));
        events
    }

    fn ending(&mut self) -> Vec<Event> {
        let reason = Some(finish_reason(&self.about));
        let finish = |index| {
            let usage = self.about.on_finish(index).then(|| usage(&self.about));
            self.chunk(&[choice(index, Message::default(), reason)], usage)
        };
        let mut events: Vec<_> = (0..self.about.choices).map(finish).collect();
        if self.about.usage == Usage::OwnChunk {
            events.push(self.chunk(&[], Some(usage(&self.about))));
        }
        events
    }

    fn end_marker(&mut self) -> Option<Event> {
        Some(Event::unnamed("[DONE]"))
    }

    fn error(&mut self, failure: &Failure) -> Vec<Event> {
        vec![Event::unnamed(error_body(failure))]
    }
}

/// The one word for an error where there is no room for both type and code.
pub(super) fn code(failure: &Failure) -> Value {
    let object = error_object(failure);
    if object["code"].is_null() {
        object["type"].clone()
    } else {
        object["code"].clone()
    }
}
