//! Bodies, and the copies that are made of them, while they are buffered: counted in [`Memory`], and refused instead of
//! aborted over when there is no memory.

use std::sync::Arc;

use bytes::Bytes;
use failover_wire::room::{allocated, extend};
use futures_util::StreamExt;

use crate::memory::{Buffered, Memory};
use crate::outcome::Outcome;
use crate::transport::{BodyStream, NetError};

/// What each answer, each copy of a request and each stream may buffer without being counted. Most need no more, so
/// that a gateway whose memory is full goes on with what it has begun.
pub(crate) const UNCOUNTED: usize = 16 * 1024;

/// There is no room for a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoMemory;

/// The memory, as one API may use it.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    memory: Arc<Memory>,
    limit: u64,
}

impl Share {
    pub(crate) fn new(memory: &Arc<Memory>, limit: u64) -> Self {
        Share {
            memory: Arc::clone(memory),
            limit,
        }
    }

    /// See [`Memory::count`].
    pub(crate) fn count(&self, own: u64, bytes: u64) -> bool {
        self.memory.count(own, bytes, self.limit)
    }

    /// Counts nothing yet.
    pub(crate) fn nothing(&self) -> Buffered {
        self.memory.adopt(0)
    }

    /// Counts so many bytes in all; `false`, and nothing changes, when that would be too many.
    pub(crate) fn resize(&self, buffered: &mut Buffered, bytes: u64) -> bool {
        buffered.resize(bytes, self.limit)
    }

    /// A request's body, of which `reserved` bytes are counted. `None`, and they stay counted: there is no room for the
    /// others.
    pub(crate) fn request(&self, body: Bytes, reserved: u64) -> Option<Bytes> {
        let mut buffered = self.memory.adopt(reserved);
        if buffered.resize(body.len() as u64, self.limit) {
            return Some(Bytes::from_owner(Counted {
                body,
                _buffered: buffered,
            }));
        }
        buffered.forget();
        None
    }

    /// Something that grows, and is empty.
    pub(crate) fn tally(&self) -> Tally {
        Tally {
            buffered: self.nothing(),
            limit: self.limit,
        }
    }

    /// An empty buffer with room for so many bytes.
    pub(crate) fn room(&self, bytes: usize) -> Result<(Vec<u8>, Tally), NoMemory> {
        let mut tally = self.tally();
        tally.set(bytes)?;
        Ok((allocated(bytes).ok_or(NoMemory)?, tally))
    }
}

/// The count of what something that grows buffers.
#[derive(Debug)]
pub(crate) struct Tally {
    buffered: Buffered,
    limit: u64,
}

impl Tally {
    /// So many bytes are buffered now. With an error what was counted stays counted.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), NoMemory> {
        let counted = bytes.saturating_sub(UNCOUNTED) as u64;
        match self.buffered.resize(counted, self.limit) {
            true => Ok(()),
            false => Err(NoMemory),
        }
    }

    /// The bytes that were counted. They stay so until nobody has them any more.
    pub(crate) fn freeze<B>(self, body: B) -> Bytes
    where
        B: AsRef<[u8]> + Into<Bytes> + Send + 'static,
    {
        match self.buffered.bytes() {
            0 => body.into(),
            _ => Bytes::from_owner(Counted {
                body,
                _buffered: self.buffered,
            }),
        }
    }
}

struct Counted<B> {
    body: B,
    _buffered: Buffered,
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for Counted<B> {
    fn as_ref(&self) -> &[u8] {
        self.body.as_ref()
    }
}

/// Reads an answer's body to its end, as long as that has no more than `most` bytes.
pub(crate) async fn collect(
    mut body: BodyStream,
    most: u64,
    share: &Share,
) -> Result<Bytes, Outcome> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let Some(first) = next(&mut body).await? else {
        return Ok(Bytes::new());
    };
    let mut whole = Growing {
        bytes: Vec::new(),
        tally: share.tally(),
        most,
    };
    // Most answers come in one piece, which is passed on as it is.
    whole.fits(&first)?;
    whole.tally.set(first.len())?;
    let Some(second) = next(&mut body).await? else {
        return Ok(whole.tally.freeze(first));
    };
    whole.extend(&first)?;
    drop(first);
    whole.extend(&second)?;
    while let Some(piece) = next(&mut body).await? {
        whole.extend(&piece)?;
    }
    Ok(whole.tally.freeze(whole.bytes))
}

async fn next(body: &mut BodyStream) -> Result<Option<Bytes>, Outcome> {
    let broken = |_| Outcome::Network(NetError::BrokenOff);
    body.next().await.transpose().map_err(broken)
}

/// A body whose length is not known.
struct Growing {
    bytes: Vec<u8>,
    tally: Tally,
    most: usize,
}

impl Growing {
    fn fits(&self, piece: &[u8]) -> Result<(), Outcome> {
        match piece.len() > self.most - self.bytes.len() {
            true => Err(Outcome::TooLarge),
            false => Ok(()),
        }
    }

    /// It is the buffer that is counted.
    fn extend(&mut self, piece: &[u8]) -> Result<(), Outcome> {
        self.fits(piece)?;
        let tally = &mut self.tally;
        match extend(&mut self.bytes, piece, self.most, |b| tally.set(b).is_ok()) {
            true => Ok(()),
            false => Err(Outcome::NoMemory),
        }
    }
}

impl From<NoMemory> for Outcome {
    fn from(_: NoMemory) -> Self {
        Outcome::NoMemory
    }
}
