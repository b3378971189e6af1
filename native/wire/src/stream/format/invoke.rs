//! Bedrock `invoke-with-response-stream`: the model's own events, each packed into a `chunk` (Amazon Bedrock API
//! reference, "InvokeModelWithResponseStream").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Format, Wishes, Worth, converse, text_of};
use crate::json::outline::{self, Outline};
use crate::stream::framing::Message;
use crate::stream::usage::{Names, Tokens, Usage};

/// Bedrock's own, the same for every model.
const NAMES: Names = Names {
    prompt: "inputTokenCount",
    completion: "outputTokenCount",
    total: None,
};

/// The stream of an invoked model. What is inside is read by its own format, when it has one of those known here.
#[derive(Debug, Default)]
pub(crate) struct Invoke {
    inside: Option<Box<dyn Format>>,
    /// What Bedrock itself has counted; it says so with the last chunk.
    metrics: Usage,
    /// Whether one of its events was read in part: it can't be gone on from, nor be written anew.
    too_large: bool,
    joined: bool,
}

pub(super) fn recognise(name: &str, event: &Value) -> Option<Box<dyn Format>> {
    (name == "chunk" && event.get("bytes").is_some())
        .then(|| Box::new(Invoke::default()) as Box<dyn Format>)
}

impl Format for Invoke {
    fn read(&mut self, _: &str, event: &Value, said: &mut String) -> Worth {
        let packed = text_of(event, "bytes");
        if packed.is_empty() {
            return Worth::Nothing;
        }
        let Some(Outline {
            value: native,
            whole,
        }) = unpacked(packed)
        else {
            return Worth::Unreadable;
        };
        self.too_large |= !whole;
        if self.too_large && self.joined {
            return Worth::Broken;
        }
        if self.inside.is_none() {
            self.inside = super::recognise("", &native);
        }
        if let Some(metrics) = native.get("amazon-bedrock-invocationMetrics") {
            self.metrics.report(&NAMES, metrics);
        }
        match &mut self.inside {
            Some(inside) => inside.read("", &native, said),
            None => super::unknown(&native),
        }
    }

    fn finished(&self) -> bool {
        self.inside.as_ref().is_some_and(|f| f.finished())
    }

    fn ended(&self) -> bool {
        self.inside.as_ref().is_some_and(|f| f.ended())
    }

    fn announces_its_end(&self) -> bool {
        self.inside.as_ref().is_some_and(|f| f.announces_its_end())
    }

    fn end_marker(&self) -> Option<Message> {
        self.inside.as_ref()?.end_marker().and_then(packed)
    }

    fn tokens(&self) -> Option<Tokens> {
        let inside = self.inside.as_ref().and_then(|f| f.tokens());
        inside.or_else(|| self.metrics.tokens())
    }

    fn model(&self) -> Option<&str> {
        self.inside.as_ref()?.model()
    }

    fn error(&self, message: &str) -> Message {
        converse::exception(message)
    }

    fn is_plain_text(&self) -> bool {
        !self.too_large && self.inside.as_ref().is_some_and(|f| f.is_plain_text())
    }

    fn asks_for_plain_text(&self, request: &Wishes) -> bool {
        self.inside
            .as_ref()
            .is_some_and(|f| f.asks_for_plain_text(request))
    }

    fn prefilled(&self, request: &[u8], text: &str, marked: bool) -> Option<Vec<u8>> {
        self.inside.as_ref()?.prefilled(request, text, marked)
    }

    fn forget(&mut self) {
        if let Some(inside) = &mut self.inside {
            inside.forget();
        }
    }

    fn go_on(&mut self) {
        if let Some(inside) = &mut self.inside {
            inside.go_on();
        }
        self.joined = true;
        self.metrics.go_on();
    }

    fn join(&mut self, _: &str, event: Value, text: &str, buffered: bool) -> Vec<Message> {
        match (&mut self.inside, unpacked(text_of(&event, "bytes"))) {
            (Some(inside), Some(native)) if native.value.is_object() => inside
                .join("", native.value, text, buffered)
                .into_iter()
                .filter_map(packed)
                .collect(),
            _ => vec![],
        }
    }

    fn boxed(&self) -> Box<dyn Format> {
        Box::new(Invoke {
            inside: self.inside.as_ref().map(|f| f.boxed()),
            metrics: self.metrics.clone(),
            ..*self
        })
    }
}

fn unpacked(bytes: &str) -> Option<Outline> {
    outline::read(&STANDARD.decode(bytes).ok()?).ok()
}

fn packed(message: Message) -> Option<Message> {
    match message {
        Message::Event(_, native) => Some(Message::Event(
            "chunk".into(),
            json!({"bytes": STANDARD.encode(native.to_string())}),
        )),
        _ => None,
    }
}
