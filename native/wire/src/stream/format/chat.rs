//! OpenAI chat completions, and what is made like them: Azure OpenAI, Mistral, and most others (OpenAI API reference,
//! "Chat completion chunk").

use serde_json::{Value, json};

use super::{
    Finishes, Format, Wishes, Worth, has_failed, is_error, keep_once, name_once, number_of,
    prefill, says_something, set, text_of,
};
use crate::stream::framing::Message;
use crate::stream::usage::{Names, Tokens, Usage};

const NAMES: Names = Names {
    prompt: "prompt_tokens",
    completion: "completion_tokens",
    total: Some("total_tokens"),
};

/// A chat completion's stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chat {
    pub(super) choices: Choices,
    more_than_text: bool,
}

pub(super) fn recognise(event: &Value) -> Option<Box<dyn Format>> {
    event
        .get("choices")?
        .is_array()
        .then(|| Box::new(Chat::default()) as Box<dyn Format>)
}

/// What chat completions and completions have in common: chunks with choices, usage, and `[DONE]`.
#[derive(Debug, Clone, Default)]
pub(super) struct Choices {
    /// Of the candidate that answers now.
    finishes: Finishes,
    done: bool,
    several: bool,
    usage: Usage,
    model: Option<String>,
    /// What every chunk of the client's stream carries alike.
    id: Option<Value>,
    created: Option<Value>,
}

impl Choices {
    /// Reads a chunk; `useful` says whether one of its choices is.
    pub(super) fn read(&mut self, event: &Value, mut useful: impl FnMut(&Value) -> bool) -> Worth {
        if is_error(event) {
            return Worth::Failed;
        }
        keep_once(&mut self.id, event.get("id"));
        keep_once(&mut self.created, event.get("created"));
        if let Some(usage) = event.get("usage") {
            self.usage.report(&NAMES, usage);
        }
        name_once(&mut self.model, event.get("model"));
        let mut worth = Worth::Nothing;
        for choice in event
            .get("choices")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let index = number_of(choice, "index");
            let finish = choice.get("finish_reason").is_some_and(says_something);
            if has_failed(choice, "finish_reason") {
                return Worth::Failed;
            }
            self.several |= index > 0;
            let says = useful(choice);
            self.finishes.note(index, finish, says);
            if says || finish {
                worth = Worth::Useful;
            }
        }
        worth
    }

    pub(super) fn read_word(&mut self, word: &[u8]) -> Worth {
        if word == b"[DONE]" {
            self.done = true;
            return Worth::Nothing;
        }
        Worth::Unreadable
    }

    pub(super) fn finished(&self) -> bool {
        self.done || self.finishes.all()
    }

    pub(super) fn ended(&self) -> bool {
        self.done
    }

    pub(super) fn end_marker(&self) -> Option<Message> {
        (!self.done).then_some(Message::Word("[DONE]"))
    }

    pub(super) fn tokens(&self) -> Option<Tokens> {
        self.usage.tokens()
    }

    pub(super) fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Whether a chunk is the one that comes for `stream_options.include_usage`. Its list of choices is empty, or left
    /// out by some. Azure's first chunk has no choice either, and no usage.
    pub(super) fn is_usage_only(event: &Value) -> bool {
        let choices = event.get("choices").and_then(Value::as_array);
        event.get("usage").is_some_and(Value::is_object) && choices.is_none_or(Vec::is_empty)
    }

    pub(super) fn is_one(&self) -> bool {
        !self.several
    }

    pub(super) fn go_on(&mut self) {
        self.usage.go_on();
        self.finishes = Finishes::default();
        self.done = false;
    }

    /// A chunk as part of the client's stream; `edit` puts the text into its choice and says whether that leaves
    /// anything to say.
    pub(super) fn join(
        &self,
        mut event: Value,
        edit: impl FnOnce(&mut Value) -> bool,
    ) -> Vec<Message> {
        for (mine, key) in [(&self.id, "id"), (&self.created, "created")] {
            if let Some(mine) = mine {
                set(&mut event, key, mine.clone());
            }
        }
        let mut says = false;
        if let Some(choice) = event.pointer_mut("/choices/0") {
            says = edit(choice) || choice.get("finish_reason").is_some_and(says_something);
        }
        if let Some(usage) = event.get_mut("usage").filter(|u| u.is_object()) {
            *usage = self.usage.with_earlier(usage.take());
            says = true;
        }
        match says {
            true => vec![Message::Event(String::new(), event)],
            false => vec![],
        }
    }
}

/// The error event of OpenAI's streams; its client libraries raise it. No `[DONE]` follows.
pub(super) fn error(message: &str) -> Message {
    Message::Event(
        String::new(),
        json!({"error": {"message": message, "type": "server_error", "param": null, "code": "stream_cut"}}),
    )
}

impl Format for Chat {
    fn read(&mut self, _: &str, event: &Value, said: &mut String) -> Worth {
        let more_than_text = &mut self.more_than_text;
        self.choices.read(event, |choice| {
            let Some(delta) = choice.get("delta") else {
                return false;
            };
            match delta.get("content") {
                Some(Value::String(text)) => said.push_str(text),
                // Mistral's, while its model thinks.
                Some(Value::Array(parts)) => {
                    for part in parts {
                        match text_of(part, "type") {
                            "text" => said.push_str(text_of(part, "text")),
                            "thinking" => {}
                            _ => *more_than_text = true,
                        }
                    }
                }
                _ => {}
            }
            *more_than_text |= ["tool_calls", "function_call", "audio", "refusal"]
                .iter()
                .filter_map(|key| delta.get(key))
                .any(|v| v.as_array().map_or(says_something(v), |a| !a.is_empty()));
            says_something(delta)
        })
    }

    fn read_word(&mut self, word: &[u8]) -> Worth {
        self.choices.read_word(word)
    }

    fn finished(&self) -> bool {
        self.choices.finished()
    }

    fn ended(&self) -> bool {
        self.choices.ended()
    }

    fn end_marker(&self) -> Option<Message> {
        self.choices.end_marker()
    }

    fn tokens(&self) -> Option<Tokens> {
        self.choices.tokens()
    }

    fn is_usage_only(&self, event: &Value) -> bool {
        Choices::is_usage_only(event)
    }

    fn model(&self) -> Option<&str> {
        self.choices.model()
    }

    fn error(&self, message: &str) -> Message {
        error(message)
    }

    fn is_plain_text(&self) -> bool {
        self.choices.is_one() && !self.more_than_text
    }

    fn asks_for_plain_text(&self, request: &Wishes) -> bool {
        !request.want_other_than("/response_format/type", &["text"])
            && !request.want_other_than("/logprobs", &[])
            && request.number("/n") <= 1
            && !request
                .get("/modalities")
                .and_then(Value::as_array)
                .is_some_and(|m| m.iter().any(|m| m != "text"))
    }

    fn prefilled(&self, request: &[u8], text: &str, marked: bool) -> Option<Vec<u8>> {
        let mut message = json!({"role": "assistant", "content": text});
        if marked {
            // Mistral API reference, "prefix"; others know the field too, and OpenAI does not.
            message["prefix"] = Value::Bool(true);
        }
        prefill::appended(request, "messages", "assistant", &message)
    }

    fn go_on(&mut self) {
        self.choices.go_on();
    }

    fn join(&mut self, _: &str, event: Value, text: &str, _: bool) -> Vec<Message> {
        self.choices.join(event, |choice| {
            let Some(delta) = choice.get_mut("delta").and_then(Value::as_object_mut) else {
                return false;
            };
            // The client has had the role, and the first candidate's thoughts.
            for key in [
                "role",
                "reasoning",
                "reasoning_content",
                "reasoning_details",
            ] {
                delta.remove(key);
            }
            match text {
                "" => delta.remove("content"),
                text => delta.insert("content".to_owned(), text.into()),
            };
            says_something(&choice["delta"])
        })
    }

    fn boxed(&self) -> Box<dyn Format> {
        Box::new(self.clone())
    }
}
