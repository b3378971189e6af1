//! Anthropic Messages, at Anthropic, on Vertex AI and, in frames, on Bedrock (Anthropic API reference, "Streaming
//! messages").

use serde_json::{Value, json};

use super::blocks::{Blocks, Kind};
use super::{
    Format, MOST_KEPT, Wishes, Worth, is_error, name_once, number_of, prefill, set, text_of,
};
use crate::json::outline::room;
use crate::stream::framing::Message;
use crate::stream::usage::{Names, Tokens, Usage};

/// What begins a stream; a ping can be anybody's.
const EVENTS: [&str; 6] = [
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
];

const NAMES: Names = Names {
    prompt: "input_tokens",
    completion: "output_tokens",
    total: None,
};

/// A message's stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Messages {
    blocks: Blocks,
    usage: Usage,
    model: Option<String>,
    stop_reason: bool,
    stopped: bool,
    /// The candidate's start of a text block, for when there is text to put in.
    start: Option<Value>,
}

pub(super) fn recognise(event: &Value) -> Option<Box<dyn Format>> {
    EVENTS
        .contains(&text_of(event, "type"))
        .then(|| Box::new(Messages::default()) as Box<dyn Format>)
}

impl Format for Messages {
    fn read(&mut self, _: &str, event: &Value, said: &mut String) -> Worth {
        let index = number_of(event, "index");
        match text_of(event, "type") {
            "message_start" => {
                if let Some(usage) = event.pointer("/message/usage") {
                    self.usage.report(&NAMES, usage);
                }
                name_once(&mut self.model, event.pointer("/message/model"));
                Worth::Nothing
            }
            "content_block_start" => {
                let block = &event["content_block"];
                let kind = kind_of(block);
                self.blocks.read(index, kind);
                said.push_str(text_of(block, "text"));
                match kind {
                    Kind::Text if text_of(block, "text").is_empty() => Worth::Nothing,
                    Kind::Thinking
                        if text_of(block, "thinking").is_empty()
                            && text_of(block, "data").is_empty() =>
                    {
                        Worth::Nothing
                    }
                    _ => Worth::Useful,
                }
            }
            "content_block_delta" => {
                let delta = &event["delta"];
                match text_of(delta, "type") {
                    "text_delta" => {
                        said.push_str(text_of(delta, "text"));
                        worth_of(text_of(delta, "text"))
                    }
                    "thinking_delta" => worth_of(text_of(delta, "thinking")),
                    "input_json_delta" => worth_of(text_of(delta, "partial_json")),
                    "signature_delta" => Worth::Nothing,
                    _ => {
                        self.blocks.has_more_than_text();
                        Worth::Useful
                    }
                }
            }
            "content_block_stop" => {
                self.blocks.read_stop();
                Worth::Nothing
            }
            "message_delta" => {
                if let Some(usage) = event.get("usage") {
                    self.usage.report(&NAMES, usage);
                }
                self.stop_reason |= !event["delta"]["stop_reason"].is_null();
                match self.stop_reason {
                    true => Worth::Useful,
                    false => Worth::Nothing,
                }
            }
            "message_stop" => {
                self.stopped = true;
                Worth::Nothing
            }
            _ if is_error(event) => Worth::Failed,
            _ => Worth::Nothing,
        }
    }

    fn read_word(&mut self, _: &[u8]) -> Worth {
        Worth::Unreadable
    }

    fn finished(&self) -> bool {
        self.stopped || self.stop_reason
    }

    fn ended(&self) -> bool {
        self.stopped
    }

    fn end_marker(&self) -> Option<Message> {
        let stop = || Message::Event("message_stop".into(), json!({"type": "message_stop"}));
        (!self.stopped).then(stop)
    }

    fn tokens(&self) -> Option<Tokens> {
        self.usage.tokens()
    }

    fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    fn error(&self, message: &str) -> Message {
        Message::Event(
            "error".into(),
            json!({"type": "error", "error": {"type": "api_error", "message": message}}),
        )
    }

    fn is_plain_text(&self) -> bool {
        self.blocks.is_plain_text()
    }

    fn asks_for_plain_text(&self, request: &Wishes) -> bool {
        !request.want_other_than("/output_format", &[])
            && !request.want_other_than("/output_config/format", &[])
    }

    fn prefilled(&self, request: &[u8], text: &str, _: bool) -> Option<Vec<u8>> {
        // "Extended thinking": not together with a prefill; nor may a prefill end in white space.
        if Wishes::read(request)?.want_other_than("/thinking/type", &["disabled"]) {
            return None;
        }
        let message = json!({"role": "assistant", "content": text});
        prefill::appended(request, "messages", "assistant", &message)
    }

    fn go_on(&mut self) {
        self.blocks.go_on();
        self.usage.go_on();
        self.stop_reason = false;
        self.stopped = false;
    }

    fn join(&mut self, _: &str, mut event: Value, text: &str, buffered: bool) -> Vec<Message> {
        let index = number_of(&event, "index");
        match text_of(&event, "type") {
            "message_start" => vec![],
            "content_block_start" => {
                let kind = kind_of(&event["content_block"]);
                self.blocks.place(index, kind);
                match kind {
                    Kind::Text => {
                        set(&mut event["content_block"], "text", "");
                        self.start = (room(&event) <= MOST_KEPT).then_some(event);
                        match text {
                            "" => vec![],
                            _ => {
                                let delta = json!({"type": "content_block_delta", "index": index,
                                    "delta": {"type": "text_delta", "text": text}});
                                self.put(index, kind, delta)
                            }
                        }
                    }
                    _ => {
                        let Some(opened) = self.blocks.open(index, kind) else {
                            return vec![];
                        };
                        let mut events: Vec<Message> = opened.close.map(stop).into_iter().collect();
                        set(&mut event, "index", opened.index);
                        events.push(named(event));
                        events
                    }
                }
            }
            "content_block_delta" if text_of(&event["delta"], "type") == "text_delta" => {
                if text.is_empty() {
                    return vec![];
                }
                set(&mut event["delta"], "text", text);
                self.put(index, Kind::Text, event)
            }
            "content_block_delta" => self.put(index, Kind::Other, event),
            "content_block_stop" if buffered => vec![],
            "content_block_stop" => self.blocks.stop(index).map(stop).into_iter().collect(),
            "message_delta" => {
                let mut events: Vec<Message> = self.blocks.close().map(stop).into_iter().collect();
                if let Some(usage) = event.get_mut("usage") {
                    *usage = self.usage.with_earlier(usage.take());
                }
                events.push(named(event));
                events
            }
            _ => vec![named(event)],
        }
    }

    fn boxed(&self) -> Box<dyn Format> {
        Box::new(self.clone())
    }
}

impl Messages {
    /// Content in its place, with what has to be said before it.
    fn put(&mut self, theirs: u64, kind: Kind, mut content: Value) -> Vec<Message> {
        let Some(opened) = self.blocks.open(theirs, kind) else {
            return vec![];
        };
        let mut events: Vec<Message> = opened.close.map(stop).into_iter().collect();
        if opened.start {
            let start = self.start.take();
            let mut start = start.unwrap_or_else(|| {
                json!({"type": "content_block_start", "content_block": {"type": "text", "text": ""}})
            });
            set(&mut start, "index", opened.index);
            events.push(named(start));
        }
        set(&mut content, "index", opened.index);
        events.push(named(content));
        events
    }
}

fn kind_of(block: &Value) -> Kind {
    match text_of(block, "type") {
        "text" => Kind::Text,
        "thinking" | "redacted_thinking" => Kind::Thinking,
        _ => Kind::Other,
    }
}

fn worth_of(text: &str) -> Worth {
    match text {
        "" => Worth::Nothing,
        _ => Worth::Useful,
    }
}

fn named(event: Value) -> Message {
    Message::Event(text_of(&event, "type").to_owned(), event)
}

fn stop(index: u64) -> Message {
    named(json!({"type": "content_block_stop", "index": index}))
}
