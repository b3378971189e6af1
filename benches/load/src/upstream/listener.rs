//! Accepts connections and serves them.

use std::convert::Infallible;
use std::error::Error;
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use super::behaviour::{Behaviour, Fault};
use super::identity::Identity;

/// Streams of one HTTP/2 connection at a time: more than any bench has connections, so that what is measured is what
/// they cost and not how they queue.
const STREAMS: u32 = 1000;

/// One of the upstream's addresses; it stays the same while nobody listens there.
pub(super) struct Listener {
    behaviour: Arc<Behaviour>,
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
}

/// The identity that clients trust, and the other.
struct Tls {
    trusted: TlsAcceptor,
    stranger: TlsAcceptor,
}

impl Listener {
    pub(super) async fn plain(behaviour: &Arc<Behaviour>) -> io::Result<Self> {
        Self::new(behaviour, None).await
    }

    pub(super) async fn tls(
        behaviour: &Arc<Behaviour>,
        trusted: &Identity,
        stranger: &Identity,
    ) -> Result<Self, Box<dyn Error>> {
        let tls = Tls {
            trusted: trusted.acceptor()?,
            stranger: stranger.acceptor()?,
        };
        Ok(Self::new(behaviour, Some(tls)).await?)
    }

    async fn new(behaviour: &Arc<Behaviour>, tls: Option<Tls>) -> io::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Ok(Listener {
            behaviour: Arc::clone(behaviour),
            address: socket.local_addr()?,
            socket,
            tls,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts connections for ever.
    ///
    /// # Errors
    /// The address was taken by another meanwhile.
    pub(super) async fn run(mut self) -> io::Result<()> {
        let mut faults = self.behaviour.faults();
        loop {
            tokio::select! {
                accepted = self.socket.accept() => {
                    if let Ok((connection, _)) = accepted {
                        self.accept(connection);
                    }
                    continue;
                }
                _ = faults.wait_for(|fault| *fault == Fault::Refused) => {}
            }
            drop(self.socket);
            let _ = faults.wait_for(|fault| *fault != Fault::Refused).await;
            self.socket = TcpListener::bind(self.address).await?;
        }
    }

    fn accept(&self, connection: TcpStream) {
        self.behaviour.connected();
        let _ = connection.set_nodelay(true);
        // Whenever this side ends a connection, it is by a reset.
        let _ = connection.set_zero_linger();
        let behaviour = Arc::clone(&self.behaviour);
        let acceptor = self.tls.as_ref().map(|tls| match behaviour.fault() {
            Fault::Untrusted => tls.stranger.clone(),
            _ => tls.trusted.clone(),
        });
        tokio::spawn(async move {
            let mut faults = behaviour.faults();
            faults.mark_unchanged();
            let served = async {
                match acceptor {
                    None => serve(connection, false, &behaviour).await,
                    Some(acceptor) => {
                        let Ok(connection) = acceptor.accept(connection).await else {
                            return;
                        };
                        let http2 = connection.get_ref().1.alpn_protocol() == Some(b"h2");
                        serve(connection, http2, &behaviour).await;
                    }
                }
            };
            let ended = async {
                while faults.changed().await.is_ok() {
                    if faults.borrow_and_update().ends_connections() {
                        return;
                    }
                }
            };
            tokio::select! {
                () = served => {}
                () = ended => {}
            }
        });
    }
}

async fn serve(
    connection: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    http2: bool,
    behaviour: &Arc<Behaviour>,
) {
    let reset = Arc::new(Notify::new());
    let service = {
        let (behaviour, reset) = (Arc::clone(behaviour), Arc::clone(&reset));
        service_fn(move |request| answer(Arc::clone(&behaviour), Arc::clone(&reset), request))
    };
    let io = TokioIo::new(connection);
    let served = async {
        if http2 {
            let mut server = http2::Builder::new(TokioExecutor::new());
            let server = server.max_concurrent_streams(STREAMS);
            drop(server.serve_connection(io, service).await);
        } else {
            drop(http1::Builder::new().serve_connection(io, service).await);
        }
    };
    tokio::select! {
        () = served => {}
        () = reset.notified() => {}
    }
}

async fn answer(
    behaviour: Arc<Behaviour>,
    reset: Arc<Notify>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        if frame.is_err() {
            return pending().await;
        }
    }
    let whole = behaviour.asked();
    let (status, body) = match behaviour.fault() {
        Fault::None | Fault::Refused | Fault::Untrusted => (StatusCode::OK, whole),
        Fault::Unavailable => (
            StatusCode::SERVICE_UNAVAILABLE,
            Bytes::from_static(br#"{"error":{"message":"overloaded","type":"server_error"}}"#),
        ),
        Fault::Reset => {
            reset.notify_one();
            return pending().await;
        }
        Fault::Silent => return pending().await,
    };
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, json);
    Ok(answer)
}
