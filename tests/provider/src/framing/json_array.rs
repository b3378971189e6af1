//! A JSON array that comes element by element, as Google's REST transcoding of a server stream writes it.

use super::{Framing, sse::pretty};
use crate::format::Event;

/// No JSON, but its brackets are balanced: what comes after it can still be told apart.
const TORN: &[u8] = br#"{"candidates":[{"content":}]}"#;

pub(crate) struct JsonArray {
    multiline: bool,
    begun: bool,
}

impl JsonArray {
    pub(crate) const TYPE: &str = "application/json";

    pub(crate) fn new(multiline: bool) -> Self {
        Self {
            multiline,
            begun: false,
        }
    }

    fn element(&mut self, data: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(if self.begun { b",\r\n" } else { b"[" });
        self.begun = true;
        out.extend_from_slice(data);
        out.push(b'\n');
    }
}

impl Framing for JsonArray {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        let pretty = self.multiline.then(|| pretty(&event.data)).flatten();
        self.element(pretty.as_deref().unwrap_or(&event.data), out);
    }

    fn torn(&mut self, _: Option<&'static str>, out: &mut Vec<u8>) {
        self.element(TORN, out);
    }

    fn ping(&mut self, out: &mut Vec<u8>) {
        out.push(b'\n');
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.begun { b"]" } else { b"[]" });
    }
}
