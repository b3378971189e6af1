//! Bedrock `converse-stream` (Amazon Bedrock API reference, "ConverseStream").

use serde_json::{Value, json};

use super::blocks::{Blocks, Kind};
use super::{Format, Wishes, Worth, number_of, prefill, says_something, set, text_of};
use crate::stream::framing::Message;
use crate::stream::usage::{Names, Tokens, Usage};

const NAMES: Names = Names {
    prompt: "inputTokens",
    completion: "outputTokens",
    total: Some("totalTokens"),
};

/// A conversation's stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Converse {
    blocks: Blocks,
    usage: Usage,
    stopped: bool,
    metadata: bool,
}

pub(super) fn recognise(name: &str, event: &Value) -> Option<Box<dyn Format>> {
    let is = match name {
        "messageStart" => event.get("role").is_some(),
        "contentBlockStart" | "contentBlockDelta" | "contentBlockStop" => {
            event.get("contentBlockIndex").is_some()
        }
        "messageStop" => event.get("stopReason").is_some(),
        "metadata" => event.get("usage").is_some(),
        _ => false,
    };
    is.then(|| Box::new(Converse::default()) as Box<dyn Format>)
}

impl Format for Converse {
    fn read(&mut self, name: &str, event: &Value, said: &mut String) -> Worth {
        let index = number_of(event, "contentBlockIndex");
        match name {
            "contentBlockStart" => {
                // Text has no start of its own; what has one says what it is.
                self.blocks.read(index, Kind::Other);
                Worth::Useful
            }
            "contentBlockDelta" => {
                let delta = &event["delta"];
                let kind = kind_of(delta);
                self.blocks.read(index, kind);
                said.push_str(text_of(delta, "text"));
                match says_something(delta) {
                    true => Worth::Useful,
                    false => Worth::Nothing,
                }
            }
            "contentBlockStop" => {
                self.blocks.read_stop();
                Worth::Nothing
            }
            "messageStop" => {
                self.stopped = true;
                Worth::Useful
            }
            "metadata" => {
                self.metadata = true;
                if let Some(usage) = event.get("usage") {
                    self.usage.report(&NAMES, usage);
                }
                Worth::Nothing
            }
            _ => Worth::Nothing,
        }
    }

    fn finished(&self) -> bool {
        self.stopped
    }

    fn ended(&self) -> bool {
        self.stopped && self.metadata
    }

    fn tokens(&self) -> Option<Tokens> {
        self.usage.tokens()
    }

    fn error(&self, message: &str) -> Message {
        exception(message)
    }

    fn is_plain_text(&self) -> bool {
        self.blocks.is_plain_text()
    }

    fn asks_for_plain_text(&self, request: &Wishes) -> bool {
        !request.want_other_than("/outputConfig/textFormat", &[])
    }

    fn prefilled(&self, request: &[u8], text: &str, _: bool) -> Option<Vec<u8>> {
        // Anthropic's models do not think with a prefill (Amazon Bedrock User Guide, "Extended thinking").
        let thinking = "/additionalModelRequestFields/thinking/type";
        if Wishes::read(request)?.want_other_than(thinking, &["disabled"]) {
            return None;
        }
        let message = json!({"role": "assistant", "content": [{"text": text}]});
        prefill::appended(request, "messages", "assistant", &message)
    }

    fn go_on(&mut self) {
        self.blocks.go_on();
        self.usage.go_on();
        self.stopped = false;
        self.metadata = false;
    }

    fn join(&mut self, name: &str, mut event: Value, text: &str, buffered: bool) -> Vec<Message> {
        let index = number_of(&event, "contentBlockIndex");
        match name {
            "messageStart" => vec![],
            "contentBlockStart" => {
                self.blocks.place(index, Kind::Other);
                self.put(name, index, Kind::Other, event)
            }
            "contentBlockDelta" => {
                let kind = kind_of(&event["delta"]);
                if !self.blocks.is_placed(index) {
                    self.blocks.place(index, kind);
                }
                if kind == Kind::Text {
                    if text.is_empty() {
                        return vec![];
                    }
                    event["delta"] = json!({"text": text});
                }
                self.put(name, index, kind, event)
            }
            "contentBlockStop" if buffered => vec![],
            "contentBlockStop" => self.blocks.stop(index).map(stop).into_iter().collect(),
            "messageStop" => {
                let mut events: Vec<Message> = self.blocks.close().map(stop).into_iter().collect();
                events.push(Message::Event(name.to_owned(), event));
                events
            }
            "metadata" => {
                if let Some(usage) = event.get_mut("usage") {
                    *usage = self.usage.with_earlier(usage.take());
                }
                vec![Message::Event(name.to_owned(), event)]
            }
            _ => vec![Message::Event(name.to_owned(), event)],
        }
    }

    fn boxed(&self) -> Box<dyn Format> {
        Box::new(self.clone())
    }
}

impl Converse {
    fn put(&mut self, name: &str, theirs: u64, kind: Kind, mut event: Value) -> Vec<Message> {
        let Some(opened) = self.blocks.open(theirs, kind) else {
            return vec![];
        };
        let mut events: Vec<Message> = opened.close.map(stop).into_iter().collect();
        set(&mut event, "contentBlockIndex", opened.index);
        events.push(Message::Event(name.to_owned(), event));
        events
    }
}

fn kind_of(delta: &Value) -> Kind {
    if delta.get("text").is_some() {
        Kind::Text
    } else if delta.get("reasoningContent").is_some() {
        Kind::Thinking
    } else {
        Kind::Other
    }
}

fn stop(index: u64) -> Message {
    Message::Event(
        "contentBlockStop".into(),
        json!({"contentBlockIndex": index}),
    )
}

/// The exception that Bedrock itself sends for a stream that fails (API reference, "ResponseStream").
pub(super) fn exception(message: &str) -> Message {
    Message::Exception("modelStreamErrorException", json!({"message": message}))
}
