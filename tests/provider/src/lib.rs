//! A simulated LLM provider for tests, demonstrations and benches of a gateway.
//!
//! A real provider can't be asked to reset its third connection or to fall silent after four words. This one can, by
//! anything that can name a model: the part of the name after `~` is a list of [`directives`](Directives). It speaks the
//! [wire formats](mod@format) of several providers, plain and streamed, and keeps its own log of what arrived, so that a test
//! need not believe what a gateway says of itself.
//!
//! The program is one way to run it; a Rust test can hold a [`Provider`] instead.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

mod answer;
mod calls;
mod content;
mod control;
mod directives;
mod format;
mod framing;
mod json;
mod question;
mod script;
mod service;
mod socket;
mod stream;

pub use calls::{Call, End};
pub use directives::{Directives, KNOWN, Refused};

use calls::CallLog;
use service::Shared;
use socket::{Connection, Socket};

/// How a provider is set up; the default listens on a free port of 127.0.0.1.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on; 0 is any free one.
    pub port: u16,
    /// Name in answers and in the log.
    pub name: String,
    /// JSON lines file the log is appended to.
    pub log: Option<PathBuf>,
    /// `name: value` lines that every call must have; others are answered with 401.
    pub require_headers: Vec<String>,
    /// No log at all, and healthy plain answers from prebuilt parts.
    pub quiet: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            name: "provider".to_owned(),
            log: None,
            require_headers: Vec::new(),
            quiet: false,
        }
    }
}

/// A running provider. Dropping it closes the port and all connections.
pub struct Provider {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl Provider {
    /// Binds the port and serves it on the present tokio runtime.
    ///
    /// # Errors
    /// When the port can't be bound, the log can't be opened or a required header is malformed.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let required = settings.require_headers.iter();
        let required = required
            .map(|line| service::required_header(line))
            .collect::<io::Result<_>>()?;
        let name: Arc<str> = settings.name.into();
        let log = CallLog::open(Arc::clone(&name), settings.quiet, settings.log.as_deref())?;
        let wanted = SocketAddr::new(settings.host, settings.port);
        let listener = TcpListener::bind(wanted).await.map_err(|why| {
            io::Error::new(why.kind(), format!("can't listen on {wanted}: {why}"))
        })?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(name, settings.quiet, required, Arc::new(log)));
        let serving = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            serving,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as `http://host:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets the directives of exactly this model name, as `PUT /_control/faults` does; the empty string is healthy.
    ///
    /// # Errors
    /// The first directive that is unknown or has an impossible value.
    pub fn set_fault(&self, model: &str, directives: &str) -> Result<(), Refused> {
        self.shared
            .faults
            .set(model.to_owned(), Directives::parse(directives)?);
        Ok(())
    }

    /// Forgets all directives set while running and all counts of `first`.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// The calls so far, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.log.calls(None)
    }

    /// Empties the log in memory.
    pub fn clear_calls(&self) {
        self.shared.log.clear();
    }

    /// Waits until the log shows something: looks at it now and after each change, until `found` finds it.
    pub async fn wait_for<T>(&self, found: impl FnMut(&[Call]) -> Option<T>) -> T {
        self.shared.log.wait_for(found).await
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.shared.log.stop();
        self.serving.abort();
    }
}

/// Serves until it is dropped, its connections with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    let mut accepted = 0;
    loop {
        tokio::select! {
            next = listener.accept() => match next {
                Ok((stream, _)) => {
                    accepted += 1;
                    connections.spawn(serve(stream, accepted, Arc::clone(&shared)));
                }
                // Out of file descriptors, or the peer gave up in the queue: the next one may do better.
                Err(error) => {
                    eprintln!("could not accept a connection: {error}");
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, id: u64, shared: Arc<Shared>) {
    // Without it a chunk could wait for the previous one's acknowledgement; nothing breaks if it is refused.
    let _ = stream.set_nodelay(true);
    let connection = Connection::new(id, !shared.quiet);
    let socket = TokioIo::new(Socket::new(stream, Arc::clone(&connection)));
    let service = service_fn(move |request| {
        service::handle(Arc::clone(&shared), Arc::clone(&connection), request)
    });
    // An error is a caller that left or a directive that ended the connection; the log has both.
    let _ = http1::Builder::new()
        .header_read_timeout(None)
        .serve_connection(socket, service)
        .await;
}
