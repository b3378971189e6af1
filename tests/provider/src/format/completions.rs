//! OpenAI completions: the older API, with a prompt instead of messages.
//!
//! Shapes: OpenAI's API reference, "Completions". There are no tools and no reasoning in it: a tool call's arguments are
//! said as text, reasoning is left out.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{About, Event, Events, Failure, Format, Part, Usage, Whole, body, chat};

pub(crate) struct Completions;

fn choice(index: usize, text: &str, finish_reason: Option<&str>) -> Value {
    json!({"index": index, "text": text, "logprobs": null, "finish_reason": finish_reason})
}

fn completion(about: &About, choices: Vec<Value>) -> Value {
    json!({
        "id": about.id("cmpl-"),
        "object": "text_completion",
        "created": about.created,
        "model": about.model,
        "choices": choices,
    })
}

fn usage(about: &About) -> Value {
    json!({
        "prompt_tokens": about.prompt_tokens,
        "completion_tokens": about.text_tokens,
        "total_tokens": about.prompt_tokens + about.text_tokens,
    })
}

impl Format for Completions {
    fn whole(&self, about: &About, whole: &Whole) -> Bytes {
        let choices = (0..about.choices).map(|index| choice(index, &whole.said, Some("stop")));
        let mut completion = completion(about, choices.collect());
        if about.usage != Usage::Nowhere {
            completion["usage"] = usage(about);
        }
        body(&completion)
    }

    fn events(&self, about: About) -> Box<dyn Events> {
        Box::new(CompletionsEvents { about })
    }

    fn remaining_tokens(&self) -> Option<&'static str> {
        Some(chat::REMAINING_TOKENS)
    }

    fn error_body(&self, failure: &Failure) -> Bytes {
        chat::error_body(failure)
    }
}

struct CompletionsEvents {
    about: About,
}

impl CompletionsEvents {
    fn chunk(&self, choices: Vec<Value>, usage: Option<Value>) -> Event {
        let mut chunk = completion(&self.about, choices);
        if let Some(usage) = usage {
            chunk["usage"] = usage;
        } else if self.about.usage == Usage::OwnChunk {
            chunk["usage"] = Value::Null;
        }
        Event::unnamed(chunk.to_string())
    }

    fn text(&self, index: usize, text: &str) -> Event {
        self.chunk(vec![choice(index, text, None)], None)
    }
}

impl Events for CompletionsEvents {
    /// A chunk without text: there is no role to announce.
    fn beginning(&mut self) -> Vec<Event> {
        vec![self.text(0, "")]
    }

    fn content(&mut self, choice: usize, part: Part<'_>) -> Vec<Event> {
        match part {
            Part::Reasoning(_) => Vec::new(),
            part => vec![self.text(choice, part.said())],
        }
    }

    fn ending(&mut self) -> Vec<Event> {
        let finish = |index| {
            let usage = self.about.on_finish(index).then(|| usage(&self.about));
            self.chunk(vec![choice(index, "", Some("stop"))], usage)
        };
        let mut events: Vec<_> = (0..self.about.choices).map(finish).collect();
        if self.about.usage == Usage::OwnChunk {
            events.push(self.chunk(Vec::new(), Some(usage(&self.about))));
        }
        events
    }

    fn end_marker(&mut self) -> Option<Event> {
        Some(Event::unnamed("[DONE]"))
    }

    fn error(&mut self, failure: &Failure) -> Vec<Event> {
        vec![Event::unnamed(chat::error_body(failure))]
    }
}
