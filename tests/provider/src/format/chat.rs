//! OpenAI chat completions, as Azure OpenAI, Mistral and many others speak them.
//!
//! Shapes: OpenAI's API reference, "Chat" and "Chat streaming"; `reasoning_content` is what DeepSeek and others add.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::{About, Event, Events, Failure, Format, Part, Whole, body};
use crate::json::to_json;

pub(crate) struct Chat;

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
            usage: Some(usage(about)),
        })
    }

    fn events(&self, about: About) -> Box<dyn Events> {
        Box::new(ChatEvents {
            id: about.id("chatcmpl-"),
            called: vec![false; about.choices],
            about,
        })
    }

    fn error_body(&self, failure: &Failure) -> Bytes {
        error_body(failure)
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
}

impl ChatEvents {
    fn chunk(&self, choices: &[Choice<'_>], usage: Option<Value>) -> Event {
        Event::unnamed(to_json(&Completion {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.about.created,
            model: &self.about.model,
            choices,
            usage: self
                .about
                .include_usage
                .then(|| usage.unwrap_or(Value::Null)),
        }))
    }

    fn delta(
        &self,
        index: usize,
        delta: Message<'_>,
        finish_reason: Option<&'static str>,
    ) -> Event {
        let choice = Choice {
            index,
            message: None,
            delta: Some(delta),
            logprobs: None,
            finish_reason,
        };
        self.chunk(&[choice], None)
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
            self.delta(choice, role, None)
        };
        (0..self.about.choices).map(role).collect()
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
                    events.push(self.delta(choice, delta, None));
                }
                let call = json!([{"index": 0, "function": {"arguments": arguments}}]);
                Message {
                    tool_calls: Some(call),
                    ..Message::default()
                }
            }
        };
        events.push(self.delta(choice, delta, None));
        events
    }

    fn ending(&mut self) -> Vec<Event> {
        let reason = Some(finish_reason(&self.about));
        let mut events: Vec<_> = (0..self.about.choices)
            .map(|choice| self.delta(choice, Message::default(), reason))
            .collect();
        if self.about.include_usage {
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
