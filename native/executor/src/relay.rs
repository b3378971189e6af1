//! A streamed answer: held back until its first useful chunk, then passed on event by event as it comes.

use std::time::Duration;

use bytes::{Buf, Bytes};
use failover_wire::stream::{Event, EventReader, Verdict};
use futures_util::StreamExt;
use http::StatusCode;
use tokio::time::Instant;

use crate::deadline::Deadline;
use crate::gateway::{Gateway, Head};
use crate::outcome::Outcome;
use crate::transport::{BodyStream, NetError};

/// How long the end of a body is waited for that has nothing more to say: `[DONE]` and usage after the last finish
/// reason, and the last bytes of the framing, without which the connection can't be used again.
const GRACE: Duration = Duration::from_secs(1);

/// A stream that has begun, and is no answer yet.
pub(crate) struct Relay {
    head: Head,
    body: BodyStream,
    reader: EventReader,
    held: Vec<Event>,
}

/// A stream whose first useful chunk has come: no other candidate is asked any more.
pub(crate) struct Committed(Relay);

impl Relay {
    pub(crate) fn new(head: Head, body: BodyStream) -> Self {
        Relay {
            head,
            body,
            reader: EventReader::default(),
            held: Vec::new(),
        }
    }

    /// Reads up to the first useful chunk and keeps what came before it. What is not useful does not restart the
    /// clock.
    pub(crate) async fn hold(mut self, max: u64, deadline: Deadline) -> Result<Committed, Outcome> {
        let mut held = 0;
        loop {
            let events = match deadline.bound(self.body.next()).await {
                Ok(Some(Ok(bytes))) => {
                    held += bytes.len() as u64;
                    self.reader.feed(&bytes)
                }
                Ok(Some(Err(_))) => return Err(Outcome::Network(NetError::BrokenOff)),
                Ok(None) => match self.reader.finish() {
                    Some(event) if event.verdict == Verdict::Useful => vec![event],
                    _ => return Err(Outcome::NoUsefulChunk),
                },
                Err(_) => return Err(Outcome::Silent),
            };
            // Several events can come in one piece: the first that says something counts.
            let says = |v: &Verdict| !matches!(v, Verdict::Nothing | Verdict::Unreadable);
            let verdict = events.iter().map(|e| e.verdict).find(says);
            self.held.extend(events);
            match verdict {
                Some(Verdict::Useful) => return Ok(Committed(self)),
                None if held <= max => {}
                _ => return Err(Outcome::NoUsefulChunk),
            }
        }
    }
}

impl Committed {
    pub(crate) fn status(&self) -> StatusCode {
        self.0.head.status
    }

    pub(crate) fn head(&self) -> &Head {
        &self.0.head
    }

    /// Passes the stream on. Returns whether it broke.
    pub(crate) async fn relay<G: Gateway>(self, gateway: &G, head: Head, idle: Duration) -> bool {
        let Relay {
            mut body,
            mut reader,
            held,
            ..
        } = self.0;
        gateway.begin(head);
        let mut clock = Deadline::after(idle);
        let mut events = held;
        loop {
            let mut useful = false;
            for event in events {
                useful |= event.verdict == Verdict::Useful;
                match event.verdict {
                    Verdict::Unreadable => continue,
                    Verdict::Nothing | Verdict::Useful | Verdict::End => {
                        let started = Instant::now();
                        deliver(gateway, event.raw).await;
                        // The caller's time is not the provider's.
                        clock = clock.later(started.elapsed());
                    }
                    Verdict::Failed => {
                        deliver(gateway, event.raw).await;
                        gateway.end();
                        return true;
                    }
                }
            }
            if reader.ended() {
                gateway.end();
                let rest = async { while let Some(Ok(_)) = body.next().await {} };
                let _ = Deadline::after(GRACE).bound(rest).await;
                return false;
            }
            if reader.finished() {
                clock = Deadline::after(GRACE);
            } else if useful {
                clock = Deadline::after(idle);
            }
            events = match clock.bound(body.next()).await {
                Ok(Some(Ok(bytes))) => reader.feed(&bytes),
                _ if reader.finished() => {
                    gateway.end();
                    return false;
                }
                // Without a marker for its end, the end of the body is the end of the stream.
                Ok(None) if !reader.announces_its_end() => {
                    if let Some(last) = reader.finish() {
                        deliver(gateway, last.raw).await;
                    }
                    gateway.end();
                    return false;
                }
                _ if reader.announces_its_end() => {
                    deliver(gateway, Bytes::from_static(CUT_EVENT)).await;
                    gateway.end();
                    return true;
                }
                _ => {
                    gateway.abort();
                    return true;
                }
            };
        }
    }
}

/// Whether a whole event stream is an answer: something useful in it, no error, and its end where it has one.
pub(crate) fn is_whole(body: &Bytes) -> bool {
    let mut reader = EventReader::default();
    let mut events = reader.feed(body);
    events.extend(reader.finish());
    reader.useful()
        && !events.iter().any(|e| e.verdict == Verdict::Failed)
        && (reader.finished() || !reader.announces_its_end())
}

/// The error event of OpenAI's streams; client libraries raise it. No `[DONE]` follows.
const CUT_EVENT: &[u8] = b"data: {\"error\":{\"message\":\"The model's answer broke off before its end\",\"type\":\"server_error\",\"param\":null,\"code\":\"stream_cut\"}}\n\n";

/// Hands a whole answer over.
pub(crate) async fn answer<G: Gateway>(gateway: &G, head: Head, body: Bytes) {
    if body.len() <= gateway.one_piece() {
        return gateway.answer(head, body);
    }
    gateway.begin(head);
    deliver(gateway, body).await;
    gateway.end();
}

/// Hands bytes over as fast as the caller takes them. While it waits, nothing more is read from the provider.
async fn deliver<G: Gateway>(gateway: &G, mut bytes: Bytes) {
    loop {
        let taken = gateway.data(&bytes);
        bytes.advance(taken.min(bytes.len()));
        if bytes.is_empty() {
            return;
        }
        gateway.writable().await;
    }
}
