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
mod tests {
    use std::task::Waker;
    use std::time::Duration;

    use futures_util::stream;

    use super::*;

    #[test]
    fn all_bytes_come_in_their_order_and_others_have_their_turns_between() {
        let whole: Vec<u8> = (0..3 * TURN + 5).map(|n| n as u8).collect();
        let pieces = [&whole[..TURN + 1], &whole[TURN + 1..]].map(|p| Ok(p.to_vec().into()));
        let mut body = Turns::new(stream::iter(pieces).boxed());
        let mut cx = Context::from_waker(Waker::noop());
        let (mut read, mut turns) = (Vec::new(), 0);
        loop {
            match body.poll_next_unpin(&mut cx) {
                Poll::Ready(Some(Ok(bytes))) => read.push(bytes),
                Poll::Ready(Some(Err(e))) => panic!("{e}"),
                Poll::Ready(None) => break,
                Poll::Pending => turns += 1,
            }
        }
        assert!(read.iter().all(|bytes| bytes.len() <= TURN));
        assert_eq!((read.len(), turns), (5, 3));
        assert_eq!(read.concat(), whole);
    }

    #[tokio::test]
    async fn an_error_is_passed_on_after_what_came_before_it() {
        let pieces = [Ok(vec![b'x'; TURN + 1].into()), Err(NetError::BrokenOff)];
        let body = Turns::new(stream::iter(pieces).boxed());
        let read: Vec<_> = body.map(|p| p.map(|bytes| bytes.len())).collect().await;
        assert!(
            matches!(read[..], [Ok(TURN), Ok(1), Err(NetError::BrokenOff)]),
            "{read:?}"
        );
    }

    #[test]
    fn what_takes_long_does_not_keep_the_only_thread() {
        let one_thread = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let (other, done) = std::sync::mpsc::channel();
        one_thread.block_on(async {
            let long = tokio::spawn(async move {
                tokio::spawn(async move { other.send(()) });
                aside(MUCH + 1, || done.recv_timeout(Duration::from_secs(20)))
            });
            assert_eq!(long.await.unwrap(), Ok(()), "the other one did not run");
        });
    }
}
