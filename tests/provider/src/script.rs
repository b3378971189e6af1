//! An answer's body as a script: what to send, when to wait, where to stop.
//!
//! Every fault is a step at a known place, so the code that sends knows nothing of faults.

use std::{
    collections::VecDeque,
    io,
    num::NonZeroUsize,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::{
    calls::{End, Running},
    socket::Connection,
    stream::Stream,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Send(Bytes),
    Wait(Duration),
    /// For ever.
    Silence,
    /// Let everything sent so far out.
    Flush,
    /// RST, whatever has not got out yet.
    Reset,
}

/// Where the steps come from.
pub(crate) enum Steps {
    Decided(VecDeque<Step>),
    Streamed(Box<Stream>),
}

impl Steps {
    fn next(&mut self) -> Option<Step> {
        match self {
            Self::Decided(steps) => steps.pop_front(),
            Self::Streamed(stream) => stream.next(),
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Self::Decided(steps) => steps.is_empty(),
            Self::Streamed(stream) => stream.is_over(),
        }
    }
}

/// The body hyper sends.
pub(crate) enum Answer {
    /// In one piece, without ceremony.
    Whole(Option<Bytes>),
    Scripted(Script),
}

pub(crate) struct Script {
    steps: Steps,
    /// What comes before them.
    ahead: VecDeque<Step>,
    /// Largest piece that is written at once.
    split: Option<NonZeroUsize>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Flushes seen when the flush's turn came.
    flushes: Option<u64>,
    running: Running,
    connection: Arc<Connection>,
}

impl Script {
    pub(crate) fn new(
        steps: Steps,
        split: Option<NonZeroUsize>,
        running: Running,
        connection: Arc<Connection>,
    ) -> Self {
        let mut script = Self {
            steps,
            ahead: VecDeque::new(),
            split,
            sleep: None,
            flushes: None,
            running,
            connection,
        };
        script.end_if_over();
        script
    }

    fn is_over(&self) -> bool {
        self.ahead.is_empty() && self.steps.is_over()
    }

    /// hyper doesn't come back once Content-Length bytes are with it.
    fn end_if_over(&mut self) {
        if self.is_over() {
            self.running.end(End::Complete);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            if let Some(seen) = self.flushes {
                ready!(self.connection.poll_flushed(seen, cx));
                self.flushes = None;
            }
            let step = self.ahead.pop_front().or_else(|| self.steps.next());
            match step {
                None => {
                    self.running.end(End::Complete);
                    return Poll::Ready(None);
                }
                Some(Step::Send(mut bytes)) => {
                    let piece = self.split.map_or(bytes.len(), NonZeroUsize::get);
                    if bytes.len() > piece {
                        let rest = bytes.split_off(piece);
                        self.ahead.push_front(Step::Send(rest));
                    }
                    if self.split.is_some() && !self.is_over() {
                        self.ahead.push_front(Step::Flush);
                    }
                    self.end_if_over();
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Some(Step::Wait(time)) => self.sleep = Some(Box::pin(sleep(time))),
                Some(Step::Silence) => {
                    self.ahead.push_front(Step::Silence);
                    return Poll::Pending;
                }
                Some(Step::Flush) => self.flushes = Some(self.connection.flushes()),
                Some(Step::Reset) => {
                    self.running.end(End::Cut);
                    self.connection.reset_on_drop();
                    return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
                }
            }
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let next = match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(Ok)),
            Self::Scripted(script) => script.poll(cx),
        };
        next.map(|next| next.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Scripted(script) => script.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Scripted(script) if script.is_over() => SizeHint::with_exact(0),
            Self::Scripted(_) => SizeHint::default(),
        }
    }
}
