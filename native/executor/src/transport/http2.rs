//! HTTP/2, on h2 itself: hyper's client hides how many streams a server allows and why a stream failed, and has a task
//! of its own for each request.
//!
//! What calls share here must not become what they wait for each other by. [`MAX_STREAMS`] streams with full windows
//! fit into the connection's window, so that clients who do not read hold up nobody else. Nothing is sent before the
//! server has named its limit of streams, so that it refuses none; and see [`super::shared`] for what is above it.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::poll_fn;
use h2::client::{Builder, Connection, SendRequest};
use h2::{Ping, Reason, RecvStream};
use http::Request;
use http::header::{CONTENT_LENGTH, HeaderMap};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::failed::{Failed, to_answer};
use super::line::{Heard, Line, MAX_HEAD};
use super::{Answer, NetError};

/// What a client who does not read can hold of the connection, in bytes.
const STREAM_WINDOW: u32 = 256 * 1024;

/// Streams on one connection, whatever the server allows.
const MAX_STREAMS: u32 = 100;

/// A limit that no server names: it has named none yet.
const UNSAID: usize = usize::MAX - 1;

/// A connection with open streams that has been silent for two of these is asked whether it is alive, and given up
/// after the next: within 20 seconds of its last byte.
const TICK: Duration = Duration::from_secs(5);

/// A connection.
pub(super) struct Http2 {
    sender: SendRequest<Bytes>,
    /// A later one has a higher number.
    pub(super) number: u64,
    state: Arc<State>,
    stage: watch::Receiver<Stage>,
}

#[derive(Default)]
struct State {
    limit: AtomicU64,
    open: AtomicU64,
    carried: AtomicU64,
    /// An answer has begun on it.
    proven: AtomicBool,
    ended: AtomicBool,
    unused_since: Mutex<Option<Instant>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Opening,
    Open,
    Ended(NetError),
}

impl Http2 {
    /// Waits for the server's settings.
    ///
    /// # Errors
    /// Why it is no connection.
    pub(super) async fn open(line: Line) -> Result<Self, NetError> {
        let heard = line.heard();
        let (sender, connection) = Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(STREAM_WINDOW * MAX_STREAMS)
            .initial_max_send_streams(UNSAID)
            .max_header_list_size(MAX_HEAD as u32)
            .handshake(line)
            .await
            .map_err(|e| to_answer(&e))?;
        let state = Arc::<State>::default();
        let (tell, mut stage) = watch::channel(Stage::Opening);
        tokio::spawn(drive(connection, heard, Arc::clone(&state), tell));
        let opened = stage.wait_for(|s| *s != Stage::Opening).await;
        let opened = opened.map_or(Stage::Ended(NetError::Reset), |s| *s);
        match opened {
            Stage::Ended(error) => Err(error),
            _ => Ok(Http2 {
                sender,
                number: 0,
                state,
                stage,
            }),
        }
    }

    /// Whether it takes more requests.
    pub(super) fn is_open(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        !self.state.ended.load(Ordering::Acquire)
            && !matches!(self.sender.clone().poll_ready(&mut cx), Poll::Ready(Err(_)))
    }

    /// How many streams it can have, at least 1: there is nothing better than to wait for it.
    pub(super) fn limit(&self) -> u64 {
        let limit = self.state.limit.load(Ordering::Relaxed);
        limit.clamp(1, MAX_STREAMS.into())
    }

    pub(super) fn open_streams(&self) -> u64 {
        self.state.open.load(Ordering::Relaxed)
    }

    /// How many streams it has had.
    pub(super) fn carried(&self) -> u64 {
        self.state.carried.load(Ordering::Relaxed)
    }

    pub(super) fn unused_for(&self) -> Duration {
        if self.open_streams() > 0 {
            return Duration::ZERO;
        }
        let since = self.state.unused_since();
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn failed(&self, error: &h2::Error) -> Failed {
        // h2 tells a stream of a GOAWAY only when its number is above the one that the GOAWAY names.
        let not_processed = error.is_remote()
            && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM));
        match not_processed {
            true => Failed::NotProcessed { on: self.number },
            false => Failed::Net(to_answer(error)),
        }
    }
}

impl State {
    fn unused_since(&self) -> Option<Instant> {
        let since = self.unused_since.lock();
        *since.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads and writes for all streams, and sees to it that somebody is there.
async fn drive(
    mut connection: Connection<Line, Bytes>,
    heard: Heard,
    state: Arc<State>,
    tell: watch::Sender<Stage>,
) {
    /// Also when the runtime ends.
    struct End(Arc<State>);
    impl Drop for End {
        fn drop(&mut self) {
            self.0.ended.store(true, Ordering::Release);
        }
    }
    let _end = End(Arc::clone(&state));
    let mut pings = connection.ping_pong();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut heard_before, mut silent_ticks) = (0, 0);
    let ended = poll_fn(|cx| {
        if let Poll::Ready(ended) = Pin::new(&mut connection).poll(cx) {
            return Poll::Ready(ended.err().map_or(NetError::Reset, |e| to_answer(&e)));
        }
        let limit = connection.max_concurrent_send_streams();
        if limit != UNSAID {
            state.limit.store(limit as u64, Ordering::Relaxed);
            tell.send_if_modified(|stage| {
                let opening = *stage == Stage::Opening;
                *stage = Stage::Open;
                opening
            });
        }
        while ticks.poll_tick(cx).is_ready() {
            let heard_now = heard.bytes();
            let waited_for = state.open.load(Ordering::Relaxed) > 0;
            let silent = waited_for && heard_now == heard_before;
            silent_ticks = if silent { silent_ticks + 1 } else { 0 };
            heard_before = heard_now;
            match (silent_ticks, &mut pings) {
                (2, Some(pings)) => {
                    // The pong to the last one, which must be taken before there can be a next.
                    let _ = pings.poll_pong(&mut Context::from_waker(Waker::noop()));
                    let _ = pings.send_ping(Ping::opaque());
                    // So that it is written.
                    cx.waker().wake_by_ref();
                }
                (3.., _) => return Poll::Ready(NetError::Reset),
                _ => {}
            }
        }
        Poll::Pending
    });
    let ended = ended.await;
    state.ended.store(true, Ordering::Release);
    // The streams are told before those who ask why.
    drop(connection);
    tell.send_replace(Stage::Ended(ended));
}

/// The right to one stream.
pub(super) struct Place(Arc<Http2>);

impl Place {
    /// Whoever asks for one holds the lock under which places are counted.
    pub(super) fn on(connection: Arc<Http2>) -> Self {
        connection.state.open.fetch_add(1, Ordering::Relaxed);
        connection.state.carried.fetch_add(1, Ordering::Relaxed);
        Place(connection)
    }

    /// Sends a request.
    ///
    /// # Errors
    /// What happened instead of an answer.
    pub(super) async fn send(self, request: Request<()>, body: Bytes) -> Result<Answer, Failed> {
        let connection = &*self.0;
        let on = connection.number;
        let unsent = |_| Failed::NotProcessed { on };
        let mut sender = connection.sender.clone();
        poll_fn(|cx| sender.poll_ready(cx)).await.map_err(unsent)?;
        let proven = connection.state.proven.load(Ordering::Relaxed);
        let sent = sender.send_request(request, body.is_empty());
        let (response, mut upload) = sent.map_err(|error| match error.is_go_away() {
            true => Failed::NotProcessed { on },
            false => Failed::Net(NetError::Address),
        })?;
        if !body.is_empty() {
            // It is all here already, so that h2 may keep it until the server takes it. What goes wrong is told by
            // the response.
            let _ = upload.send_data(body, true);
        }
        let response = match response.await {
            Ok(response) => response,
            Err(error) if error.is_io() => {
                let mut stage = connection.stage.clone();
                let ended = stage.wait_for(|s| matches!(s, Stage::Ended(_))).await;
                return Err(match ended.map(|s| *s) {
                    // It carried others before, and ended without a byte of this answer.
                    _ if proven => Failed::NotProcessed { on },
                    Ok(Stage::Ended(why)) => Failed::Net(why),
                    _ => Failed::Net(NetError::Reset),
                });
            }
            Err(error) => return Err(connection.failed(&error)),
        };
        connection.state.proven.store(true, Ordering::Relaxed);
        let (parts, body) = response.into_parts();
        Ok(Answer {
            status: parts.status,
            body: Box::pin(Http2Body {
                to_come: content_length(&parts.headers),
                body: Some(body),
                _place: self,
            }),
            headers: parts.headers,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let state = &self.0.state;
        if state.open.fetch_sub(1, Ordering::Relaxed) == 1 {
            let mut since = state
                .unused_since
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *since = Some(Instant::now());
        }
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

struct Http2Body {
    /// `None` at its end.
    body: Option<RecvStream>,
    /// As far as that was announced.
    to_come: Option<u64>,
    _place: Place,
}

impl Stream for Http2Body {
    type Item = Result<Bytes, NetError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            let Some(body) = &mut this.body else {
                return Poll::Ready(None);
            };
            match ready!(body.poll_data(cx)) {
                Some(Ok(data)) => {
                    // Whoever asked for it takes it, so that the server may send as much again.
                    let _ = body.flow_control().release_capacity(data.len());
                    let length = data.len() as u64;
                    this.to_come = this.to_come.map(|n| n.saturating_sub(length));
                    if !data.is_empty() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
                // RFC 9113 §8.1: so a server that has answered ends a request which it does not want to read.
                Some(Err(error))
                    if error.reason() == Some(Reason::NO_ERROR)
                        && error.is_reset()
                        && this.to_come.unwrap_or(0) == 0 =>
                {
                    this.body = None;
                }
                Some(Err(_)) => {
                    this.body = None;
                    return Poll::Ready(Some(Err(NetError::BrokenOff)));
                }
                None => this.body = None,
            }
        }
    }
}
