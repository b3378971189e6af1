//! TLS servers and HTTP proxies on loopback.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::certificates::{Authority, Certified};

/// A request as a server saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub version: http::Version,
    pub authority: String,
    pub headers: http::HeaderMap,
    pub client: Option<CertificateDer<'static>>,
    pub tls: rustls::ProtocolVersion,
}

/// A server that answers everything with `hello`; what comes to `/slow` in full when it is told to, and to `/endless`
/// with more than anybody takes.
pub struct Server {
    pub port: u16,
    connections: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Seen>>>,
    pub go_on: Arc<Notify>,
    _tasks: JoinSet<()>,
}

/// How a server is set up.
pub struct Setup {
    pub alpn: &'static [&'static str],
    pub versions: &'static [&'static SupportedProtocolVersion],
    pub clients: Option<CertificateDer<'static>>,
    /// On one connection of HTTP/2.
    pub max_streams: u32,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            alpn: &["http/1.1"],
            versions: rustls::ALL_VERSIONS,
            clients: None,
            max_streams: 100,
        }
    }
}

impl Server {
    pub async fn start(certified: &Certified) -> Server {
        Server::set_up(certified, Setup::default()).await
    }

    /// One that wants a certificate signed by this authority.
    pub async fn asking_for(authority: &Authority, certified: &Certified) -> Server {
        let setup = Setup {
            clients: Some(authority.trusted().unwrap().authorities[0].clone()),
            ..Setup::default()
        };
        Server::set_up(certified, setup).await
    }

    pub async fn set_up(certified: &Certified, setup: Setup) -> Server {
        let max_streams = setup.max_streams;
        let acceptor = acceptor(certified, setup);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let go_on = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        let (log, gate) = (Arc::clone(&seen), Arc::clone(&go_on));
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tasks.spawn(async move {
            let mut served = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (acceptor, log, gate) = (acceptor.clone(), Arc::clone(&log), Arc::clone(&gate));
                served.spawn(serve(acceptor, stream, max_streams, log, gate));
            }
        });
        Server {
            port,
            connections,
            seen,
            go_on,
            _tasks: tasks,
        }
    }

    pub fn url(&self) -> String {
        self.at("localhost")
    }

    pub fn at(&self, host: &str) -> String {
        format!("https://{host}:{}/v1", self.port)
    }

    /// How many there have been.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// The server's side of TLS.
pub fn acceptor(certified: &Certified, setup: Setup) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(setup.versions)
        .unwrap();
    let builder = match setup.clients {
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
        None => builder.with_no_client_auth(),
    };
    let chain = vec![certified.certificate.clone()];
    let mut config = builder
        .with_single_cert(chain, certified.private_key())
        .unwrap();
    config.alpn_protocols = setup.alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    max_streams: u32,
    log: Arc<Mutex<Vec<Seen>>>,
    gate: Arc<Notify>,
) {
    let tls = match acceptor.accept(stream).into_fallible().await {
        Ok(tls) => tls,
        // Without this the end of the connection could overtake the alert.
        Err((_, mut refused)) => {
            let _ = copy(&mut refused, &mut sink()).await;
            return;
        }
    };
    let connection = tls.get_ref().1;
    let h2 = connection.alpn_protocol() == Some(b"h2");
    let client = connection.peer_certificates().map(|c| c[0].clone());
    let version = connection.protocol_version().unwrap();
    let service = service_fn(move |request: Request<Incoming>| {
        log.lock().unwrap().push(Seen {
            version: request.version(),
            authority: request
                .uri()
                .authority()
                .map(ToString::to_string)
                .unwrap_or_default(),
            headers: request.headers().clone(),
            client: client.clone().map(CertificateDer::into_owned),
            tls: version,
        });
        let slow = request.uri().path() == "/slow";
        let endless = request.uri().path() == "/endless";
        let gate = Arc::clone(&gate);
        async move {
            let rest = stream::once(async move {
                if slow {
                    gate.notified().await;
                }
                Bytes::from("lo")
            });
            let pieces = stream::iter([Bytes::from("hel")]).chain(rest);
            let pieces = match endless {
                true => stream::repeat(Bytes::from_static(&[b'x'; 8192])).boxed(),
                false => pieces.boxed(),
            };
            let frames = pieces.map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
            Ok::<_, Infallible>(Response::new(StreamBody::new(frames)))
        }
    });
    let io = TokioIo::new(tls);
    let _ = if h2 {
        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .max_concurrent_streams(max_streams)
            .serve_connection(io, service)
            .await
    } else {
        hyper::server::conn::http1::Builder::new()
            .serve_connection(io, service)
            .await
    };
}

/// A proxy that leads every tunnel to one port of this machine, whatever was asked for, and answers what is for `http`
/// itself with `proxied`.
pub struct TestProxy {
    pub port: u16,
    heads: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl TestProxy {
    /// Wants these credentials, `user:password` in base64, if any.
    pub async fn start(leads_to: u16, credentials: Option<&'static str>) -> TestProxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heads);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(pass_on(stream, leads_to, credentials, Arc::clone(&log)));
            }
        });
        TestProxy {
            port,
            heads,
            _tasks: tasks,
        }
    }

    /// The heads of all requests to it.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn pass_on(
    mut stream: TcpStream,
    leads_to: u16,
    credentials: Option<&str>,
    log: Arc<Mutex<Vec<String>>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    log.lock().unwrap().push(head.clone());
    let lower = head.to_lowercase();
    let expected = credentials.map(|c| format!("proxy-authorization: basic {}", c.to_lowercase()));
    if expected.is_some_and(|line| !lower.contains(&line)) {
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
        let _ = stream.write_all(refusal.as_bytes()).await;
    } else if head.starts_with("CONNECT ") {
        let _ = stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await;
        let mut server = TcpStream::connect(("127.0.0.1", leads_to)).await.unwrap();
        let _ = copy_bidirectional(&mut stream, &mut server).await;
    } else {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nproxied";
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}
