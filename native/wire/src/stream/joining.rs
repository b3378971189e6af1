//! The answer of a candidate that goes on, as a part of the stream that another began.

use bytes::{Bytes, BytesMut};
use serde_json::Value;

use super::continuation::Continuation;
use super::event::{Event, joined};
use super::format::{Format, MOST_KEPT, Worth};
use super::framing::{Content, Frame, Framing};
use super::overlap::Overlap;
use crate::json::outline;

/// A candidate that goes on.
#[derive(Debug, Clone)]
pub(super) struct Joining {
    overlap: Overlap,
    /// Its last event with text, for the text that was buffered when its answer ends.
    last: Option<(String, Value)>,
}

/// What the client has when a frame comes.
pub(super) struct Before<'s> {
    pub(super) framing: &'s Framing,
    /// The text.
    pub(super) text: &'s str,
    /// Whether the framing has come to its end.
    pub(super) closed: bool,
}

impl Joining {
    /// Of a candidate that was asked like this.
    pub(super) fn new(continuation: Continuation) -> Joining {
        Joining {
            overlap: Overlap::new(continuation),
            last: None,
        }
    }

    /// A frame that is worth nothing or something useful, as the client gets it. `said` is its text, and becomes what it
    /// adds to the client's.
    pub(super) fn join(
        &mut self,
        before: &Before<'_>,
        format: &mut dyn Format,
        frame: Frame,
        said: &mut String,
        worth: Worth,
    ) -> Event {
        let its = std::mem::take(said);
        // After its end, and after a tool call, there is nothing to wait for that could tell a repetition from the rest.
        let over = before.closed || format.finished() || !format.is_plain_text();
        let overlap = &mut self.overlap;
        let text = overlap
            .push(before.text, &its)
            .and_then(|shown| match over {
                true => Ok((shown, overlap.finish(before.text)?)),
                false => Ok((shown, String::new())),
            });
        let Ok((shown, rest)) = text else {
            return Event::nothing(Worth::Diverged);
        };
        let buffered = overlap.is_holding();
        let mut messages = Vec::new();
        // What was buffered goes where the last text would have gone.
        if its.is_empty()
            && !rest.is_empty()
            && let Some((name, last)) = self.last.take()
        {
            messages = format.join(&name, last, &rest, buffered);
        }
        let mut raw = Bytes::new();
        *said = shown + &rest;
        match frame.content {
            Content::Json(event) if event.is_object() => {
                if buffered && !its.is_empty() {
                    if outline::room(&event) > MOST_KEPT {
                        return Event::nothing(Worth::Diverged);
                    }
                    self.last = Some((frame.name.clone(), event.clone()));
                }
                let text = if its.is_empty() { "" } else { said };
                messages.extend(format.join(&frame.name, event, text, buffered));
            }
            Content::Json(_) => {}
            // Comments, the end marker, the closing bracket.
            _ if frame.name.is_empty() => raw = frame.raw,
            _ => {}
        }
        let mut bytes = BytesMut::new();
        for message in messages {
            bytes.extend_from_slice(&before.framing.write(&message).unwrap_or_default());
        }
        Event {
            bytes: joined([bytes.freeze(), raw]),
            worth,
        }
    }
}
