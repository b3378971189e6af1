//! How an answer reaches the client: in one piece, piece by piece, as it comes, or collected to its end.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};
use failover_wire::room::allocated;

use crate::body::{Share, Tally};
use crate::gateway::{Gateway, Head, Metadata};
use crate::outcome::Outcome;

/// Hands a whole answer over.
pub(crate) async fn answer<G: Gateway>(gateway: &G, head: Head, body: Bytes) {
    if body.len() <= gateway.one_piece() {
        return gateway.answer(head, body);
    }
    gateway.begin(head, Some(body.len()));
    deliver(gateway, body).await;
    gateway.end();
}

/// Hands bytes over as fast as the client takes them. While it waits, nothing more is read from the provider.
pub(crate) async fn deliver<G: Gateway>(gateway: &G, mut bytes: Bytes) {
    while !bytes.is_empty() {
        let taken = gateway.data(&bytes);
        bytes.advance(taken.min(bytes.len()));
        if bytes.is_empty() {
            return;
        }
        gateway.writable().await;
    }
}

/// Where a stream goes.
pub(crate) enum Sink<'g, G> {
    /// To the client, as it comes.
    Client(&'g G),
    /// Into memory, up to its end: the client gets it as a whole answer, or nothing of it.
    Collected(Box<Collected>),
}

impl<G: Gateway> Sink<'_, G> {
    /// Takes the next bytes of it.
    ///
    /// # Errors
    /// When they can't be collected: [`Outcome::TooLarge`] or [`Outcome::NoMemory`].
    pub(crate) async fn take(&mut self, bytes: Bytes) -> Result<(), Outcome> {
        match self {
            Sink::Client(gateway) => {
                deliver(*gateway, bytes).await;
                Ok(())
            }
            Sink::Collected(collected) => collected.add(&bytes),
        }
    }

    pub(crate) fn is_collected(&self) -> bool {
        matches!(self, Sink::Collected(_))
    }
}

/// The shortest buffer that is added to a stream that is collected, and the longest, in bytes.
const SHORTEST: usize = 8 * 1024;
const LONGEST: usize = 256 * 1024;

/// A stream that is collected, in buffers that are let go one by one when it is delivered.
pub(crate) struct Collected {
    head: Head,
    buffers: VecDeque<Vec<u8>>,
    /// How long it is.
    length: usize,
    /// How much its buffers take up.
    room: usize,
    /// `max_answer_body`
    most: usize,
    tally: Tally,
}

impl Collected {
    /// An empty one, of which no more than `most` bytes are collected.
    pub(crate) fn new(head: Head, most: u64, share: &Share) -> Box<Self> {
        Box::new(Collected {
            head,
            buffers: VecDeque::new(),
            length: 0,
            room: 0,
            most: usize::try_from(most).unwrap_or(usize::MAX),
            tally: share.tally(),
        })
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), Outcome> {
        if bytes.len() > self.most - self.length {
            return Err(Outcome::TooLarge);
        }
        self.length += bytes.len();
        let mut rest = bytes;
        if let Some(last) = self.buffers.back_mut() {
            let free = last.capacity() - last.len();
            let (fits, others) = rest.split_at(free.min(rest.len()));
            last.extend_from_slice(fits);
            rest = others;
        }
        if !rest.is_empty() {
            let mut buffer = self.buffer(rest.len())?;
            buffer.extend_from_slice(rest);
            self.buffers.push_back(buffer);
        }
        Ok(())
    }

    /// Another buffer, with room for no fewer than so many bytes.
    fn buffer(&mut self, needed: usize) -> Result<Vec<u8>, Outcome> {
        // In proportion to what is there: little lies idle, and the buffers are few.
        let more = needed.max((self.length / 4).clamp(SHORTEST, LONGEST));
        self.tally.set(self.room + more)?;
        self.room += more;
        allocated(more).ok_or(Outcome::NoMemory)
    }

    /// Hands it over as a whole answer. `metadata`: what it has used.
    pub(crate) async fn send<G: Gateway>(mut self: Box<Self>, gateway: &G, metadata: Metadata) {
        let head = Head {
            metadata,
            ..self.head
        };
        if self.length <= gateway.one_piece() {
            let body = match self.buffers.len() {
                0 | 1 => self.buffers.pop_front().unwrap_or_default(),
                _ => Vec::from(self.buffers).concat(),
            };
            return gateway.answer(head, body.into());
        }
        gateway.begin(head, Some(self.length));
        while let Some(buffer) = self.buffers.pop_front() {
            self.room -= buffer.capacity();
            deliver(gateway, buffer.into()).await;
            // It never grows here.
            let _ = self.tally.set(self.room);
        }
        gateway.end();
    }
}
