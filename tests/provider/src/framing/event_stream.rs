//! AWS event streams: binary frames with headers, a payload and checksums.
//!
//! <https://smithy.io/2.0/aws/amazon-eventstream.html>; written by AWS's own library.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;

use super::Framing;
use crate::format::Event;

const TORN: &[u8] = br#"{"contentBlockIndex":0,"delta":{"text":"#;
/// A type that no client knows and that all skip: the format has nothing to keep a connection alive.
const PING: &str = "ping";

#[derive(Default)]
pub(crate) struct EventStream {
    damage_next: bool,
}

impl EventStream {
    pub(crate) const TYPE: &str = "application/vnd.amazon.eventstream";

    fn frame(&mut self, kind: &'static str, name: &str, payload: Bytes, out: &mut Vec<u8>) {
        let header = |name: &'static str, value: String| {
            Header::new(name, HeaderValue::String(value.into()))
        };
        let message = Message::new(payload)
            .add_header(header(
                if kind == "exception" {
                    ":exception-type"
                } else {
                    ":event-type"
                },
                name.to_owned(),
            ))
            .add_header(header(":content-type", "application/json".to_owned()))
            .add_header(header(":message-type", kind.to_owned()));
        if let Err(error) = write_message_to(&message, out) {
            // Only a name of more than 64 KiB can be too long.
            out.extend_from_slice(error.to_string().as_bytes());
        }
        if std::mem::take(&mut self.damage_next) {
            // The frame's end is its checksum.
            if let Some(last) = out.last_mut() {
                *last ^= 0xff;
            }
        }
    }
}

impl Framing for EventStream {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        let kind = if event.exception {
            "exception"
        } else {
            "event"
        };
        let name = event.name.as_deref().unwrap_or_default();
        self.frame(kind, name, event.data.clone(), out);
    }

    fn torn(&mut self, name: Option<&'static str>, out: &mut Vec<u8>) {
        let name = name.unwrap_or_default();
        self.frame("event", name, Bytes::from_static(TORN), out);
    }

    fn ping(&mut self, out: &mut Vec<u8>) {
        self.frame("event", PING, Bytes::from_static(b"{}"), out);
    }

    fn damage_next(&mut self) {
        self.damage_next = true;
    }
}
