//! The chunk of usage that a client has not asked for.

use serde_json::Value;

use super::framing::{Content, Frame, Framing, Message};

/// What every chunk of a chat completion has, and what is in the one that comes for usage too.
const OF_EVERY_CHUNK: [&str; 9] = [
    "id",
    "object",
    "created",
    "model",
    "choices",
    "system_fingerprint",
    "service_tier",
    "obfuscation",
    "provider",
];

/// What else a frame says that came for usage. Empty where there is nothing else.
pub(super) fn without_usage(framing: &Framing, frame: Frame) -> Frame {
    let Content::Json(mut event) = frame.content else {
        return Frame::empty();
    };
    if let Some(members) = event.as_object_mut() {
        members.shift_remove("usage");
        let tells = |(key, value): (&String, &Value)| {
            !value.is_null() && !OF_EVERY_CHUNK.contains(&key.as_str())
        };
        if members.iter().any(tells)
            && let Some(raw) = framing.write(&Message::Event(frame.name, event))
        {
            return Frame {
                raw,
                ..Frame::empty()
            };
        }
    }
    Frame::empty()
}
