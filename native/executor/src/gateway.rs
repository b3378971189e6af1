use std::any::Any;
use std::future::Future;

use bytes::Bytes;
use failover_wire::stream::Tokens;
use http::{HeaderMap, StatusCode};

use crate::report::{AttemptReport, Report};
use crate::upstream::Upstream;

/// What a panic carries.
pub type Panic = Box<dyn Any + Send>;

/// A candidate that the gateway can't be called for: its endpoint is not deployed, or its credentials were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(pub String);

/// What an answer says of itself, by the host's names for it, for its throttling and analytics; empty when nothing is
/// known.
pub type Metadata = Vec<(String, String)>;

/// An answer to the client, but for its body.
#[derive(Debug, Clone)]
pub struct Head {
    /// The status.
    pub status: StatusCode,
    /// End-to-end headers. Without Content-Length: the gateway frames the body.
    pub headers: HeaderMap,
    /// Whose answer it is: its index in the section.
    pub candidate: usize,
    /// What a whole answer has used. A stream says so at its end.
    pub metadata: Metadata,
}

/// Why there is no provider's answer to give, for the host's error codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// An answer broke off, or could not be made.
    Broken,
    /// No connection to the candidate.
    NoConnection,
    /// The candidate did not answer in time.
    TimedOut,
    /// No room for the bodies.
    NoMemory,
    /// No candidate may be called now.
    Suspended,
    /// The client's own request, by the status.
    Request,
}

/// What the client is told when there is no provider's answer to give. Carries no address and no credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// 502, 503 or 504; 431 where the client's own headers are too long, 500 where the gateway itself failed.
    pub status: StatusCode,
    /// What the host's error code says.
    pub cause: Cause,
    /// A sentence for the client.
    pub message: String,
    /// Seconds for Retry-After.
    pub retry_after: Option<u64>,
    /// For the header `x-failover-reason`; empty: none.
    pub reasons: String,
    /// The candidate that was called last, if one was.
    pub candidate: Option<usize>,
}

/// The gateway's side of one call. Every method but [`Gateway::resolve`] and [`Gateway::writable`] returns at once.
/// Exactly one of `answer`, `fail` and `begin` is called; after `begin` any number of `data`, then `end` or `abort`.
/// Of a stream that is collected ([`crate::Call::collect_streams`]) the client hears nothing before its end.
pub trait Gateway: Send + Sync {
    /// Finds URL and credentials of a candidate, just before it is called. `candidate` is its index in the section,
    /// `body` what it will be sent: some credentials are a signature over it.
    fn resolve(
        &self,
        candidate: usize,
        body: &Bytes,
    ) -> impl Future<Output = Result<Upstream, Unusable>> + Send;

    /// The largest body that `answer` takes, in bytes; a larger one goes out through `begin`, `data` and `end`.
    fn one_piece(&self) -> usize;

    /// A whole answer.
    fn answer(&self, head: Head, body: Bytes);

    /// No provider's answer to give.
    fn fail(&self, failure: Failure);

    /// A streamed answer begins, or a large one that is whole, of so many bytes.
    fn begin(&self, head: Head, whole: Option<usize>);

    /// Offers the next bytes of it; returns how many were taken. What was not taken is offered again after
    /// [`Gateway::writable`].
    fn data(&self, bytes: &Bytes) -> usize;

    /// Waits until the client takes more.
    fn writable(&self) -> impl Future<Output = ()> + Send;

    /// What a stream has used, and who served it to its end: once, before its `end` or `abort`, and also when its client has left. Of one that was
    /// collected and could not be completed, after `fail`.
    fn used(&self, candidate: usize, metadata: Metadata);

    /// The stream is complete.
    fn end(&self);

    /// The stream can't be completed, and its format has no way to say so: the connection must not end cleanly.
    fn abort(&self);

    /// Something in the call panicked, just now and on this thread. For the gateway's log: the call goes on with the
    /// next candidate, or ends.
    fn panicked(&self, panic: Panic);

    /// What an attempt came to, as soon as that is known, for a gateway that looks on. `number`: its place, from 1.
    /// `flowing`: it is a stream that has begun; what it comes to is told once more. `tokens`: what the stream says it
    /// has used, at its end. An attempt whose candidate is suspended only when another has served is told once more.
    fn attempted(
        &self,
        number: usize,
        attempt: &AttemptReport,
        flowing: bool,
        tokens: Option<Tokens>,
    ) {
        let _ = (number, attempt, flowing, tokens);
    }

    /// What was done, when it is done.
    fn report(&self, report: &Report);
}
