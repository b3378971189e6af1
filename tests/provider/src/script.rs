//! An answer's body as a script: what to send, when to wait, where to stop.
//!
//! The whole answer is decided before its first byte, so every fault is a step at a known place and the code that sends
//! knows nothing of faults.

use std::{
    collections::VecDeque,
    io,
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
};

const PING: &[u8] = b": ping\n\n";
const PING_INTERVAL: Duration = Duration::from_millis(100);
/// Between two looks at whether a slow reader has let everything out.
const FLUSH_POLL: Duration = Duration::from_millis(1);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Send(Bytes),
    Wait(Duration),
    /// For ever.
    Silence,
    /// For ever.
    Pings,
    /// Let everything sent so far out, then RST.
    Reset,
}

/// The body hyper sends.
pub(crate) enum Answer {
    /// In one piece, without ceremony.
    Whole(Option<Bytes>),
    Scripted(Script),
}

pub(crate) struct Script {
    steps: VecDeque<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Flushes seen when the reset's turn came.
    flushes: Option<u64>,
    running: Running,
    connection: Arc<Connection>,
}

impl Script {
    pub(crate) fn new(steps: Vec<Step>, mut running: Running, connection: Arc<Connection>) -> Self {
        if steps.is_empty() {
            running.end(End::Complete);
        }
        Self {
            steps: steps.into(),
            sleep: None,
            flushes: None,
            running,
            connection,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            match self.steps.pop_front() {
                None => return Poll::Ready(None),
                Some(Step::Send(bytes)) => {
                    // hyper doesn't come back once Content-Length bytes are with it.
                    if self.steps.is_empty() {
                        self.running.end(End::Complete);
                    }
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Some(Step::Wait(time)) => self.sleep = Some(Box::pin(sleep(time))),
                Some(Step::Silence) => {
                    self.steps.push_front(Step::Silence);
                    return Poll::Pending;
                }
                Some(Step::Pings) => {
                    self.steps.push_front(Step::Pings);
                    self.sleep = Some(Box::pin(sleep(PING_INTERVAL)));
                    return Poll::Ready(Some(Ok(Bytes::from_static(PING))));
                }
                Some(Step::Reset) => {
                    let seen = *self.flushes.get_or_insert(self.connection.flushes());
                    if self.connection.flushes() > seen {
                        self.running.end(End::Cut);
                        self.connection.reset_on_drop();
                        return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
                    }
                    self.steps.push_front(Step::Reset);
                    self.sleep = Some(Box::pin(sleep(FLUSH_POLL)));
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
            Self::Scripted(script) => script.steps.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Scripted(script) if script.steps.is_empty() => SizeHint::with_exact(0),
            Self::Scripted(_) => SizeHint::default(),
        }
    }
}
