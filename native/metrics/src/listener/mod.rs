//! The listener of the gateway's operators: a small HTTP server on a thread of its own, so that whoever asks costs the
//! calls nothing, and whoever asks badly costs nobody anything.
//!
//! Off by default, on loopback unless set. A connection has one request. Connections, headers, bodies, the time for each
//! and streams of events are limited. With a token every route but the page itself wants it (`Authorization: Bearer …`);
//! what changes something wants one to be set. On loopback a `Host` that is no loopback name is refused: a page in
//! somebody's browser must not read it by a name of its own that resolves here.

mod routes;

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use subtle::ConstantTimeEq;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

use crate::listener::routes::Routes;
use crate::snapshot::Source;

/// Connections at one time.
const CONNECTIONS: usize = 32;

/// For a request's head.
const HEAD: Duration = Duration::from_secs(5);

/// For a request and its answer.
const EXCHANGE: Duration = Duration::from_secs(15);

/// For a stream of events; a page asks for the next one.
const EVENTS: Duration = Duration::from_secs(600);

/// Headers of a request, and the bytes of all of them.
const HEADERS: usize = 64;
const HEADER_BYTES: usize = 16 * 1024;

/// What a listener needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What a request must bear.
    pub token: Option<Token>,
    /// Whether failures can be rehearsed.
    pub drills: bool,
}

/// A secret that a request bears. It does not print.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// One that is not empty.
    pub fn new(secret: String) -> Option<Token> {
        (!secret.is_empty()).then_some(Token(secret))
    }

    /// Whether it is this one, in a time that does not depend on where they differ.
    pub(crate) fn is(&self, offered: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(offered).into()
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.is(other.0.as_bytes())
    }
}

impl Eq for Token {}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A server that listens. Dropped, it ends with its thread and all of its connections.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    options: Options,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Binds it and starts its thread.
    ///
    /// # Errors
    /// When the address can't be bound, or there is no thread to be had.
    pub fn start(options: Options, source: Arc<dyn Source>) -> io::Result<Listener> {
        let socket = TcpListener::bind(options.listen)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let routes = Arc::new(Routes::new(options.clone(), source));
        let thread = std::thread::Builder::new()
            .name("model-failover-metrics".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    tokio::select! {
                        () = serve(socket, routes) => {}
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Listener {
            address,
            options,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was started with.
    pub fn options(&self) -> &Options {
        &self.options
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A connection, as its tasks see it.
#[derive(Default)]
pub(crate) struct Connection {
    /// Whether it has a stream of events.
    pub(crate) streams: AtomicBool,
    /// It is to end: nobody reads what is sent.
    pub(crate) over: Notify,
}

async fn serve(socket: TcpListener, routes: Arc<Routes>) {
    let Ok(socket) = tokio::net::TcpListener::from_std(socket) else {
        return;
    };
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        match socket.accept().await {
            Ok((stream, peer)) => {
                // Beyond the limit the connection is closed at once.
                if let Ok(permit) = Arc::clone(&free).try_acquire_owned() {
                    tokio::spawn(connection(stream, peer, Arc::clone(&routes), permit));
                }
            }
            // No descriptors left, as likely as not.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn connection(
    stream: tokio::net::TcpStream,
    peer: SocketAddr,
    routes: Arc<Routes>,
    _permit: OwnedSemaphorePermit,
) {
    let connection = Arc::new(Connection::default());
    let service = service_fn(|request| {
        let (routes, connection) = (Arc::clone(&routes), Arc::clone(&connection));
        async move { routes.answer(request, peer, &connection).await }
    });
    let exchange = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .keep_alive(false)
        .max_headers(HEADERS)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let limit = async {
        tokio::time::sleep(EXCHANGE).await;
        if connection.streams.load(Ordering::Relaxed) {
            tokio::time::sleep(EVENTS).await;
        }
    };
    tokio::select! {
        _ = exchange => {}
        () = limit => {}
        () = connection.over.notified() => {}
    }
}
