//! How long one call may keep a thread from the others.
//!
//! The runtime has a thread for each core, and a call that has much to do keeps one for as long as it likes: sixty
//! streams that send as fast as they can, or one answer of 60 MB that is read for its sense, and everybody else waits.
//! So a stream is read in [`Turns`], and what takes long in one piece is done [`aside`].

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::{Fuse, StreamExt};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::transport::{BodyStream, NetError};

/// Bytes of a stream in one turn: a few chunks, which take some tens of microseconds.
const TURN: usize = 1024;

/// Work on more bytes than this takes longer than a turn by far.
const MUCH: usize = 256 * 1024;

/// A body of which a call takes no more than a few events before others have their turn.
pub(crate) struct Turns {
    body: Fuse<BodyStream>,
    rest: Bytes,
    /// Whether others have had their turn since the last bytes.
    waited: bool,
}

impl Turns {
    pub(crate) fn new(body: BodyStream) -> Self {
        Turns {
            body: body.fuse(),
            rest: Bytes::new(),
            waited: false,
        }
    }
}

impl Stream for Turns {
    type Item = Result<Bytes, NetError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.rest.is_empty() {
            match ready!(self.body.poll_next_unpin(cx)) {
                Some(Ok(bytes)) => self.rest = bytes,
                other => return Poll::Ready(other),
            }
        } else if !std::mem::replace(&mut self.waited, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.waited = false;
        let turn = self.rest.len().min(TURN);
        Poll::Ready(Some(Ok(self.rest.split_to(turn))))
    }
}

/// Does work on so many bytes. When these are many, another thread goes on with the other calls meanwhile.
pub(crate) fn aside<R>(bytes: usize, work: impl FnOnce() -> R) -> R {
    let has_others =
        || Handle::try_current().is_ok_and(|h| h.runtime_flavor() == RuntimeFlavor::MultiThread);
    if bytes > MUCH && has_others() {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}

#[cfg(test)]
mod tests;
