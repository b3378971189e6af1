//! Server-sent events: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

use serde_json::Value;

use super::Framing;
use crate::format::Event;

const TORN: &[u8] = br#"{"id":"torn","choices":[{"index":0,"delta":{"content":"#;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Freedoms that a writer of server-sent events has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SseStyle {
    /// Lines end in `\r\n`.
    pub(crate) crlf: bool,
    /// The stream begins with a byte order mark.
    pub(crate) bom: bool,
    /// JSON is written over several `data:` lines.
    pub(crate) multiline: bool,
}

pub(crate) struct Sse {
    style: SseStyle,
    begun: bool,
}

impl Sse {
    pub(crate) const TYPE: &str = "text/event-stream";

    pub(crate) fn new(style: SseStyle) -> Self {
        Self {
            style,
            begun: false,
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.style.bom && !self.begun {
            out.extend_from_slice(BOM);
        }
        self.begun = true;
    }

    fn line(&self, field: &str, value: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(field.as_bytes());
        out.extend_from_slice(value);
        self.end_line(out);
    }

    fn end_line(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.style.crlf { b"\r\n" } else { b"\n" });
    }

    fn write(&mut self, name: Option<&str>, data: &[u8], out: &mut Vec<u8>) {
        self.begin(out);
        if let Some(name) = name {
            self.line("event: ", name.as_bytes(), out);
        }
        for line in data.split(|byte| *byte == b'\n') {
            self.line("data: ", line, out);
        }
        self.end_line(out);
    }
}

impl Framing for Sse {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        let pretty = self.style.multiline.then(|| pretty(&event.data)).flatten();
        let data = pretty.as_deref().unwrap_or(&event.data);
        self.write(event.name.as_deref(), data, out);
    }

    fn torn(&mut self, name: Option<&'static str>, out: &mut Vec<u8>) {
        self.write(name, TORN, out);
    }

    fn ping(&mut self, out: &mut Vec<u8>) {
        self.begin(out);
        self.line(": ", b"ping", out);
        self.end_line(out);
    }
}

/// JSON over several lines; `None` for what is no JSON.
pub(super) fn pretty(data: &[u8]) -> Option<Vec<u8>> {
    let value: Value = serde_json::from_slice(data).ok()?;
    serde_json::to_vec_pretty(&value).ok()
}
