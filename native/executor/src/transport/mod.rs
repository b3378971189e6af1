//! The network: one request out, one answer back.
//!
//! [`client`] has the clients, [`network`] what the gateway tells of its network, [`origin`] the connections to one
//! server, [`http1`] and [`shared`] with [`http2`] what is spoken over them, [`connect`] and [`names`] how there comes
//! to be one, [`address`] what a URL says and [`failed`] what an error means.
//!
//! It is built on hyper's and h2's connections rather than on a whole client, because the outcome table
//! (`behaviour.md` §3) turns on facts that no client tells; [`origin`] says which.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, StatusCode};

use crate::upstream::Upstream;

mod address;
mod client;
mod connect;
mod failed;
mod http1;
mod http2;
mod line;
mod names;
mod network;
mod origin;
mod proxies;
mod shared;
mod tls;

pub use client::{HttpClient, HttpClients};
pub use network::{Hostnames, Identity, Login, Network, Profile, Proxy, Trusted};

/// A provider's answer whose body is still to come.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// Its headers, as they came.
    pub headers: HeaderMap,
    /// Its body.
    pub body: BodyStream,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// The pieces of a body, as they come.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, NetError>> + Send>>;

/// What the network did. Says nothing of addresses: these words reach clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// The host's name can't be resolved.
    #[error("an unknown host name")]
    Dns,
    /// Nobody listens there.
    #[error("a refused connection")]
    Refused,
    /// The TLS handshake failed.
    #[error("a failed TLS handshake{0}")]
    Tls(Handshake),
    /// No connection for another reason.
    #[error("no connection")]
    Connect,
    /// TCP and TLS took longer than `connect_timeout`.
    #[error("no connection in time")]
    ConnectTimeout,
    /// The connection broke before the answer began.
    #[error("a broken connection")]
    Reset,
    /// The answer had begun and broke off.
    #[error("an answer that broke off")]
    BrokenOff,
    /// Something came that is not HTTP.
    #[error("an answer that is not HTTP")]
    Protocol,
    /// The request could not be formed for this candidate: its URL is not valid.
    #[error("an endpoint whose URL can't be called")]
    Address,
}

/// Why a TLS handshake failed, as far as an operator can do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Handshake {
    /// No trusted authority stands behind the server's certificate.
    #[error(": nobody who is trusted signed the server's certificate")]
    UnknownIssuer,
    /// It has expired, or is not valid yet.
    #[error(": the server's certificate is not valid at this time")]
    Time,
    /// It is another host's.
    #[error(": the server's certificate is for another name")]
    Name,
    /// The server wants a certificate, and another one than it was shown.
    #[error(": the server asks for a client certificate that it was not given")]
    ClientCertificate,
    /// Anything else.
    #[error("")]
    Other,
}

impl NetError {
    /// Whether there was no connection over which the request could have gone.
    pub fn is_before_connection(self) -> bool {
        match self {
            NetError::Dns
            | NetError::Refused
            | NetError::Tls(_)
            | NetError::Connect
            | NetError::ConnectTimeout
            | NetError::Address => true,
            NetError::Reset | NetError::BrokenOff | NetError::Protocol => false,
        }
    }
}

/// Sends one request.
pub trait Transport: Send + Sync {
    /// Sends it and waits for the head of the answer. Never follows a redirect. Sends again only what was certainly
    /// not processed (`behaviour.md` §3): at once, once, on a new connection. Dropping the future, or later the body,
    /// closes the connection; of one that is shared (HTTP/2), only this request's stream.
    ///
    /// # Errors
    /// What the network did instead of answering.
    fn send(
        &self,
        upstream: Upstream,
        body: Bytes,
    ) -> impl Future<Output = Result<Answer, NetError>> + Send;
}
