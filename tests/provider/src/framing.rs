//! Framings: how a stream's body is divided into events.

use crate::format::Event;

mod event_stream;
mod json_array;
mod sse;

pub(crate) use event_stream::EventStream;
pub(crate) use json_array::JsonArray;
pub(crate) use sse::{Sse, SseStyle};

/// Writes events down one after the other.
pub(crate) trait Framing: Send {
    fn event(&mut self, event: &Event, out: &mut Vec<u8>);

    /// An event of this name whose data is no JSON.
    fn torn(&mut self, name: Option<&'static str>, out: &mut Vec<u8>);

    /// Something that no reader takes for an event, to keep the connection alive.
    fn ping(&mut self, out: &mut Vec<u8>);

    /// What ends the body, if anything does.
    fn close(&mut self, _out: &mut Vec<u8>) {}

    /// The next event is damaged on its way, in framings where that can be told.
    fn damage_next(&mut self) {}
}
