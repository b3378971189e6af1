//! A connection to what is measured: plain or over TLS, HTTP/1.1 or HTTP/2.

use std::error::Error;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Who says nothing for so long is taken for dead.
pub(crate) const SILENCE: Duration = Duration::from_secs(30);

/// Where clients connect, and what they speak there.
pub(crate) struct Connector {
    url: Uri,
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    http2: bool,
}

impl Connector {
    /// For a URL; `trusted` is the PEM file of the server's certificate when its scheme is `https`.
    ///
    /// # Errors
    /// A URL without a host, `https` without a certificate, a file that is none.
    pub(crate) fn new(
        url: Uri,
        trusted: Option<&Path>,
        http2: bool,
    ) -> Result<Self, Box<dyn Error>> {
        let host = url.host().ok_or("no host in the URL")?.to_owned();
        let tls = if url.scheme_str() == Some("https") {
            let file = trusted.ok_or("https needs a certificate that is trusted")?;
            Some((
                TlsConnector::from(Arc::new(trusting(file, http2)?)),
                ServerName::try_from(host.clone())?,
            ))
        } else {
            None
        };
        let port = url.port_u16().unwrap_or(80);
        Ok(Connector {
            url,
            host,
            port,
            tls,
            http2,
        })
    }

    /// A new connection, with its handshakes done.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn connect(&self) -> Result<Sender, String> {
        let socket = in_time(TcpStream::connect((&*self.host, self.port)), "connect").await?;
        let _ = socket.set_nodelay(true);
        match &self.tls {
            None => self.handshake(socket).await,
            Some((tls, name)) => {
                let socket = in_time(tls.connect(name.clone(), socket), "TLS").await?;
                self.handshake(socket).await
            }
        }
    }

    async fn handshake(
        &self,
        socket: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Sender, String> {
        let io = TokioIo::new(socket);
        let refused = |e: hyper::Error| explained("handshake", &e);
        if self.http2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io)
                .await
                .map_err(refused)?;
            let task = tokio::spawn(async { drop(connection.await) });
            return Ok(Sender::new(Kind::Http2(sender), task.abort_handle()));
        }
        let (sender, connection) = http1::handshake(io).await.map_err(refused)?;
        let task = tokio::spawn(async { drop(connection.await) });
        Ok(Sender::new(Kind::Http1(sender), task.abort_handle()))
    }

    /// A chat request with this body, as what is spoken writes it.
    ///
    /// # Errors
    /// Parts of the URL that no request can have.
    pub(crate) fn request(&self, body: Bytes) -> Result<Request<Full<Bytes>>, http::Error> {
        let request = if self.http2 {
            Request::post(self.url.clone())
        } else {
            Request::post(self.url.path())
                .header(header::HOST, format!("{}:{}", self.host, self.port))
        };
        request
            .header(header::CONTENT_TYPE, "application/json")
            .header("ApiKey", "production-bench")
            .body(Full::new(body))
    }
}

fn trusting(file: &Path, http2: bool) -> Result<ClientConfig, Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file)?)?;
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![if http2 {
        b"h2".into()
    } else {
        b"http/1.1".into()
    }];
    Ok(config)
}

/// Sends requests over one connection, one after the other; the connection ends with it.
pub(crate) struct Sender {
    kind: Kind,
    connection: AbortHandle,
}

enum Kind {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Sender {
    fn new(kind: Kind, connection: AbortHandle) -> Self {
        Sender { kind, connection }
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        match &mut self.kind {
            Kind::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Kind::Http2(sender) => sender.send_request(request).await,
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// What work comes to, or that it took longer than [`SILENCE`], or why it failed; `what` is the work's name.
///
/// # Errors
/// As above.
pub(crate) async fn in_time<T, E: Error>(
    work: impl Future<Output = Result<T, E>>,
    what: &str,
) -> Result<T, String> {
    match timeout(SILENCE, work).await {
        Ok(done) => done.map_err(|e| explained(what, &e)),
        Err(_) => Err(format!("{what}: not in time")),
    }
}

fn explained(what: &str, error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{what}: {error}: {source}"),
        None => format!("{what}: {error}"),
    }
}
