//! HTTP/1.1: a connection for each call, kept for the next one when the answer has been read to its end.
//!
//! The connection is polled by the call's own task: no task and no channel between the socket and whoever reads the
//! answer, so that nothing is read before it is wanted, and dropping the call closes the connection.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::poll_fn;
use http::Request;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::coop::unconstrained;

use super::failed::{Failed, to_answer, to_connect};
use super::line::{Heard, Line, MAX_HEAD};
use super::{Answer, NetError};

/// What is left of an answer that nobody wants, in frames: the marker of its end, usually.
const MAX_DRAINED_FRAMES: usize = 4;

/// Where a connection goes when its answer has been read.
pub(super) trait Home: Send + Sync {
    /// Takes it back.
    fn keep(&self, connection: Box<Http1>);
}

/// A connection, and the request that it is busy with.
pub(super) struct Http1 {
    sender: SendRequest<Full<Bytes>>,
    connection: Connection<TokioIo<Line>, Full<Bytes>>,
    /// It must not be polled again.
    ended: bool,
    heard: Heard,
    /// It has carried an answer to its end.
    proven: bool,
}

impl Http1 {
    pub(super) async fn open(line: Line) -> Result<Box<Self>, NetError> {
        let heard = line.heard();
        let (sender, connection) = Builder::new()
            .max_buf_size(MAX_HEAD)
            .handshake(TokioIo::new(line))
            .await
            .map_err(|e| to_connect(&e))?;
        Ok(Box::new(Http1 {
            sender,
            connection,
            ended: false,
            heard,
            proven: false,
        }))
    }

    /// Polls it for nobody, so that it notices its end, and says whether it can take a request.
    pub(super) fn is_ready(&mut self) -> bool {
        let mut nobody = Context::from_waker(Waker::noop());
        let polled = poll_fn(|cx| {
            self.poll(cx);
            Poll::Ready(())
        });
        // At the end of a call the task's budget can be used up, and the connection is as good as ever.
        let _ = pin!(unconstrained(polled)).poll(&mut nobody);
        !self.ended && self.sender.is_ready()
    }

    fn poll(&mut self, cx: &mut Context<'_>) {
        if !self.ended {
            // What went wrong is told to whoever waits for the answer.
            self.ended = Pin::new(&mut self.connection).poll(cx).is_ready();
        }
    }

    /// Sends a request; `home` is where the connection goes after its answer.
    ///
    /// # Errors
    /// What happened instead of an answer.
    pub(super) async fn send(
        mut self: Box<Self>,
        request: Request<Full<Bytes>>,
        home: Arc<dyn Home>,
    ) -> Result<Answer, Failed> {
        let heard_before = self.heard.bytes();
        let response = self.sender.send_request(request);
        let mut response = pin!(response);
        let response = poll_fn(|cx| {
            if let Poll::Ready(response) = response.as_mut().poll(cx) {
                return Poll::Ready(Some(response));
            }
            self.poll(cx);
            match response.as_mut().poll(cx) {
                Poll::Ready(response) => Poll::Ready(Some(response)),
                Poll::Pending if self.ended => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        });
        let error = match response.await {
            Some(Ok(response)) => {
                let (parts, body) = response.into_parts();
                return Ok(Answer {
                    status: parts.status,
                    headers: parts.headers,
                    body: Box::pin(Http1Body {
                        connection: Some(self),
                        body,
                        home,
                    }),
                });
            }
            Some(Err(error)) => Some(error),
            None => None,
        };
        let unheard = self.heard.bytes() == heard_before;
        // Canceled: not a byte of the request has been written.
        if error.as_ref().is_some_and(hyper::Error::is_canceled) || (self.proven && unheard) {
            return Err(Failed::NotProcessed { on: 0 });
        }
        Err(Failed::Net(
            error.map_or(NetError::Reset, |e| to_answer(&e)),
        ))
    }
}

struct Http1Body {
    /// Until it is back home.
    connection: Option<Box<Http1>>,
    body: Incoming,
    home: Arc<dyn Home>,
}

impl Http1Body {
    /// The answer has been read to its end.
    fn go_home(&mut self) {
        if let Some(mut connection) = self.connection.take()
            && connection.is_ready()
        {
            connection.proven = true;
            self.home.keep(connection);
        }
    }

    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        if let Some(connection) = &mut self.connection {
            connection.poll(cx);
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }
}

/// Whoever has read enough drops the body. What of it has come already is no reason to close the connection; for more
/// nobody waits.
impl Drop for Http1Body {
    fn drop(&mut self) {
        if self.connection.is_none() {
            return;
        }
        let rest = poll_fn(|cx| {
            for _ in 0..MAX_DRAINED_FRAMES {
                match self.poll_frame(cx) {
                    Poll::Ready(Some(Ok(_))) => {}
                    Poll::Ready(None) => {
                        self.go_home();
                        break;
                    }
                    Poll::Ready(Some(Err(_))) | Poll::Pending => break,
                }
            }
            Poll::Ready(())
        });
        let _ = pin!(unconstrained(rest)).poll(&mut Context::from_waker(Waker::noop()));
    }
}

impl Stream for Http1Body {
    type Item = Result<Bytes, NetError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match ready!(this.poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => return Poll::Ready(Some(Ok(data))),
                    Err(_trailers) => {}
                },
                Some(Err(_)) => {
                    this.connection = None;
                    return Poll::Ready(Some(Err(NetError::BrokenOff)));
                }
                None => {
                    this.go_home();
                    return Poll::Ready(None);
                }
            }
        }
    }
}
