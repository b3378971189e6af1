//! A provider that is like no other, as an administrator may define one: the model is the engine's name, and what was
//! used is billed. Tool calls and reasoning are as in completions.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{About, Event, Events, Failure, Format, Part, Whole, body};

pub(crate) struct Custom;

fn meta(about: &About) -> Value {
    json!({
        "engine": about.model,
        "billed": {"in": about.prompt_tokens, "out": about.text_tokens},
    })
}

fn fault(failure: &Failure) -> Value {
    let status = failure.status.as_u16().to_string();
    let code = failure.code.as_ref().unwrap_or(&status);
    json!({"fault": {"code": code, "reason": failure.message}})
}

impl Format for Custom {
    fn whole(&self, about: &About, whole: &Whole) -> Bytes {
        body(&json!({"output": whole.said, "meta": meta(about)}))
    }

    fn events(&self, about: About) -> Box<dyn Events> {
        Box::new(CustomEvents { about })
    }

    fn remaining_tokens(&self) -> Option<&'static str> {
        Some("x-credit-left")
    }

    fn error_body(&self, failure: &Failure) -> Bytes {
        body(&fault(failure))
    }
}

struct CustomEvents {
    about: About,
}

fn delta(said: &str) -> Vec<Event> {
    vec![Event::unnamed(json!({ "delta": said }).to_string())]
}

impl Events for CustomEvents {
    fn beginning(&mut self) -> Vec<Event> {
        delta("")
    }

    fn content(&mut self, _: usize, part: Part<'_>) -> Vec<Event> {
        match part {
            Part::Reasoning(_) => Vec::new(),
            part => delta(part.said()),
        }
    }

    fn ending(&mut self) -> Vec<Event> {
        let meta = json!({"meta": meta(&self.about)});
        vec![Event::unnamed(meta.to_string())]
    }

    fn end_marker(&mut self) -> Option<Event> {
        Some(Event::named("end", &json!({})))
    }

    fn error(&mut self, failure: &Failure) -> Vec<Event> {
        vec![Event::named("fault", &fault(failure))]
    }
}
