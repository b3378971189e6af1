//! A streamed answer: held back until its first useful chunk, then passed on as it comes.

use std::time::Duration;

use bytes::{Buf, Bytes};
use failover_wire::stream::{EventReader, Verdict};
use futures_util::StreamExt;
use http::StatusCode;

use crate::deadline::Deadline;
use crate::gateway::{Gateway, Head};
use crate::outcome::Outcome;
use crate::transport::BodyStream;

/// A stream that has begun, and is no answer yet.
pub(crate) struct Relay {
    head: Head,
    body: BodyStream,
    reader: EventReader,
    held: Vec<Bytes>,
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
            let bytes = match deadline.bound(self.body.next()).await {
                Ok(Some(Ok(bytes))) => bytes,
                Ok(Some(Err(error))) => return Err(Outcome::Network(error)),
                Ok(None) => return Err(Outcome::NoUsefulChunk),
                Err(_) => return Err(Outcome::Silent),
            };
            held += bytes.len() as u64;
            let verdict = self.reader.feed(&bytes);
            self.held.push(bytes);
            match verdict {
                Verdict::Useful => return Ok(Committed(self)),
                // A useful chunk and the end marker can come in one piece.
                Verdict::End if self.reader.useful() => return Ok(Committed(self)),
                Verdict::End | Verdict::Failed => return Err(Outcome::NoUsefulChunk),
                Verdict::Nothing if held > max => return Err(Outcome::NoUsefulChunk),
                Verdict::Nothing => {}
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
        for bytes in held {
            deliver(gateway, bytes).await;
        }
        let mut clock = Deadline::after(idle);
        while !reader.ended() {
            let bytes = match clock.bound(body.next()).await {
                Ok(Some(Ok(bytes))) => bytes,
                // Without a marker for its end, the end of the body is the end of the stream.
                Ok(None) if reader.finished() || !reader.announces_its_end() => break,
                _ if reader.finished() => break,
                _ => {
                    if reader.announces_its_end() {
                        deliver(gateway, Bytes::from_static(CUT_EVENT)).await;
                        gateway.end();
                    } else {
                        gateway.abort();
                    }
                    return true;
                }
            };
            let verdict = reader.feed(&bytes);
            deliver(gateway, bytes).await;
            match verdict {
                Verdict::Nothing => {}
                Verdict::Useful | Verdict::End => clock = Deadline::after(idle),
                Verdict::Failed => {
                    gateway.end();
                    return true;
                }
            }
        }
        gateway.end();
        false
    }
}

/// The error event of OpenAI's streams; client libraries raise it. No `[DONE]` follows.
const CUT_EVENT: &[u8] = b"\n\ndata: {\"error\":{\"message\":\"The model's answer broke off before its end\",\"type\":\"server_error\",\"param\":null,\"code\":\"stream_cut\"}}\n\n";

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
