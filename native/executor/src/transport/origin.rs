//! The connections to one server.
//!
//! The pool is ours because of what no client library's tells: whether a request that failed had a connection which
//! was used before, and so was certainly not processed; how many streams an HTTP/2 connection has left, so that a
//! second one is opened instead of a queue; and whether a connection is the new one that a request asked again needs.
//! It costs a request a look into two short lists.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{PathAndQuery, Scheme};
use http::{Method, Request, Uri};
use http_body_util::Full;
use tokio::time::timeout;

use super::address::{Server, absolute};
use super::connect::{Connector, Route, forwarded};
use super::failed::Failed;
use super::http1::{Home, Http1};
use super::http2::{Http2, Place};
use super::line::IDLE;
use super::shared::{Need, Opened, Opener, Shared};
use super::{Answer, NetError};

/// Unused HTTP/1.1 connections that are kept for a server.
pub(super) const MAX_IDLE: usize = 256;

/// A server, with its connections.
pub(super) struct Origin {
    server: Server,
    route: Route,
    http2: bool,
    idle: Mutex<VecDeque<(Instant, Box<Http1>)>>,
    /// Its HTTP/2 connections.
    shared: Shared,
}

/// What is sent, but for the server.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) method: Method,
    pub(super) target: PathAndQuery,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

enum Carrier {
    Alone(Box<Http1>),
    Shared(Place),
}

impl Origin {
    pub(super) fn new(server: Server, route: Route, http2: bool) -> Self {
        Origin {
            http2: http2 && route.is_tls(),
            server,
            route,
            idle: Mutex::default(),
            shared: Shared::default(),
        }
    }

    /// Sends it once. `need`: over which connection.
    ///
    /// # Errors
    /// What happened instead of an answer.
    pub(super) async fn send(
        self: &Arc<Self>,
        connector: &Connector,
        sent: Sent,
        need: Need,
    ) -> Result<Answer, Failed> {
        match self.carrier(connector, need).await? {
            Carrier::Alone(connection) => {
                let request = self.http1_request(sent)?;
                let home: Arc<dyn Home> = Arc::clone(self) as _;
                connection.send(request, home).await
            }
            Carrier::Shared(place) => {
                let body = sent.body.clone();
                place.send(self.http2_request(sent)?, body).await
            }
        }
    }

    async fn carrier(
        self: &Arc<Self>,
        connector: &Connector,
        need: Need,
    ) -> Result<Carrier, NetError> {
        if self.http2
            && let Some(place) = self.shared.place(self, connector, need).await?
        {
            return Ok(Carrier::Shared(place));
        }
        if need == Need::Any
            && let Some(connection) = self.unused()
        {
            return Ok(Carrier::Alone(connection));
        }
        // In a box of its own: it is large, and most requests go over a connection that is there.
        let line = Box::pin(self.route.connect(connector, self.http2)).await?;
        if line.speaks_http2() {
            let opened = timeout(connector.limit(), Http2::open(line)).await;
            let connection = opened.unwrap_or(Err(NetError::ConnectTimeout))?;
            return Ok(Carrier::Shared(self.shared.add(connection)));
        }
        Ok(Carrier::Alone(Http1::open(line).await?))
    }

    /// A connection that is open, as far as can be seen.
    fn unused(&self) -> Option<Box<Http1>> {
        loop {
            let (_, mut connection) = self.idle().pop_back()?;
            if connection.is_ready() {
                return Some(connection);
            }
        }
    }

    /// Closes what nobody has used for long; says whether anything is left.
    pub(super) fn sweep(&self) -> bool {
        let mut old = Vec::new();
        let mut idle = self.idle();
        while idle
            .front()
            .is_some_and(|(since, _)| since.elapsed() >= IDLE)
        {
            old.extend(idle.pop_front());
        }
        let left = !idle.is_empty();
        drop(idle);
        self.shared.sweep() || left
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<(Instant, Box<Http1>)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn http1_request(&self, sent: Sent) -> Result<Request<Full<Bytes>>, NetError> {
        let mut headers = sent.headers;
        let empty = sent.body.is_empty();
        let mut request = Request::new(Full::new(sent.body));
        *request.uri_mut() = match self.route.forwarded_by() {
            None => Uri::from(sent.target),
            Some(via) => {
                if let Some(login) = &via.login {
                    headers.insert(header::PROXY_AUTHORIZATION, login.clone());
                }
                forwarded(&self.server, sent.target)?
            }
        };
        if !headers.contains_key(header::HOST) {
            headers.insert(header::HOST, self.server.host_header.clone());
        }
        if empty && sent.method != Method::GET {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        *request.method_mut() = sent.method;
        *request.headers_mut() = headers;
        Ok(request)
    }

    fn http2_request(&self, sent: Sent) -> Result<Request<()>, NetError> {
        let mut headers = sent.headers;
        // RFC 9113 §8.2.2: they make a request malformed.
        for name in [
            header::CONNECTION,
            HeaderName::from_static("keep-alive"),
            HeaderName::from_static("proxy-connection"),
            header::TRANSFER_ENCODING,
            header::UPGRADE,
            header::TE,
        ] {
            headers.remove(name);
        }
        if !sent.body.is_empty() || sent.method != Method::GET {
            headers.insert(header::CONTENT_LENGTH, sent.body.len().into());
        }
        // A signature can be over another one than the URL's, and there must not be two.
        let authority = match headers.remove(header::HOST) {
            Some(host) => host.as_bytes().try_into().map_err(|_| NetError::Address)?,
            None => self.server.authority.clone(),
        };
        let mut request = Request::new(());
        *request.uri_mut() = absolute(Scheme::HTTPS, authority, sent.target)?;
        *request.method_mut() = sent.method;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

impl Home for Origin {
    fn keep(&self, connection: Box<Http1>) {
        let mut idle = self.idle();
        let oldest = (idle.len() >= MAX_IDLE).then(|| idle.pop_front());
        idle.push_back((Instant::now(), connection));
        drop(idle);
        drop(oldest);
    }
}

impl Opener for Origin {
    fn shared(&self) -> &Shared {
        &self.shared
    }

    async fn open(&self, connector: &Connector) -> Result<Opened, NetError> {
        let line = self.route.connect(connector, true).await?;
        Ok(match line.speaks_http2() {
            true => Opened::Http2(Box::new(Http2::open(line).await?)),
            false => Opened::Http1(Http1::open(line).await?),
        })
    }
}
