//! reqwest as the [`Transport`]: pooled HTTP/1.1 and HTTP/2 over rustls.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::io::ErrorKind;
use std::iter::successors;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use failover_policy::{Diagnostic, Level};
use futures_util::TryStreamExt;
use reqwest::{Url, redirect};
use rustls::{AlertDescription, CertificateError};

use crate::gateway::Upstream;
use crate::network::Network;
use crate::proxies::Proxies;
use crate::tls::Tls;
use crate::transport::{Answer, Handshake, NetError, Transport};

/// A connection that carries many requests and has died is found out after this and [`PING_LIMIT`].
const PING_AFTER: Duration = Duration::from_secs(15);
const PING_LIMIT: Duration = Duration::from_secs(5);

/// A client for one connect timeout. Cheap to clone; all clones share its connections, and see a new [`Network`] with
/// their next request.
#[derive(Clone)]
pub struct HttpClient {
    connect_timeout: Duration,
    current: Arc<RwLock<Arc<Clients>>>,
}

impl HttpClient {
    fn for_server(&self, url: &Url) -> reqwest::Client {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.for_server(url).clone()
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("connect_timeout", &self.connect_timeout)
            .finish_non_exhaustive()
    }
}

/// The clients of a gateway, one for each connect timeout in use: reqwest knows that limit per client only.
#[derive(Default)]
pub struct HttpClients(Mutex<State>);

#[derive(Default)]
struct State {
    setup: Option<Setup>,
    clients: HashMap<Duration, HttpClient>,
}

/// A [`Network`] in the terms of the libraries.
struct Setup {
    tls: Tls,
    proxies: Proxies,
}

impl Setup {
    fn new(mut network: Network, said: &mut Vec<Diagnostic>) -> Result<Self, String> {
        Ok(Setup {
            tls: Tls::new(&mut network, said).map_err(|e| e.to_string())?,
            proxies: Proxies::new(network.proxies, said)?,
        })
    }

    fn clients(&self, connect_timeout: Duration) -> Result<Arc<Clients>, String> {
        let client = |tls: &rustls::ClientConfig| {
            let mut builder = reqwest::Client::builder()
                .use_preconfigured_tls(tls.clone())
                .connect_timeout(connect_timeout)
                .redirect(redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .no_proxy()
                .tcp_nodelay(true)
                .pool_idle_timeout(Duration::from_secs(60))
                .http2_keep_alive_interval(PING_AFTER)
                .http2_keep_alive_timeout(PING_LIMIT);
            for proxy in self.proxies.for_reqwest() {
                builder = builder.proxy(proxy);
            }
            builder.build().map_err(|e| e.to_string())
        };
        let named = self.tls.named.iter();
        Ok(Arc::new(Clients {
            others: client(&self.tls.others)?,
            named: named
                .map(|(server, tls)| Ok((server.clone(), client(tls)?)))
                .collect::<Result<_, String>>()?,
        }))
    }
}

/// One client for each set of certificates.
struct Clients {
    others: reqwest::Client,
    named: HashMap<String, reqwest::Client>,
}

impl Clients {
    fn for_server(&self, url: &Url) -> &reqwest::Client {
        if self.named.is_empty() {
            return &self.others;
        }
        let (host, port) = (url.host_str(), url.port_or_known_default());
        let server = format!("{}:{}", host.unwrap_or_default(), port.unwrap_or_default());
        self.named
            .get(&server)
            .or_else(|| self.named.get("*"))
            .unwrap_or(&self.others)
    }
}

impl HttpClients {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client for this connect timeout. Asked for when a policy is bound, not by requests.
    ///
    /// # Errors
    /// When the client can't be built.
    pub fn client(&self, connect_timeout: Duration) -> Result<HttpClient, String> {
        let mut state = self.state();
        if let Some(client) = state.clients.get(&connect_timeout) {
            return Ok(client.clone());
        }
        let setup = match state.setup.take() {
            Some(setup) => setup,
            None => Setup::new(Network::default(), &mut Vec::new())?,
        };
        let clients = setup.clients(connect_timeout);
        state.setup = Some(setup);
        let client = HttpClient {
            connect_timeout,
            current: Arc::new(RwLock::new(clients?)),
        };
        state.clients.insert(connect_timeout, client.clone());
        Ok(client)
    }

    /// Takes over how the gateway is configured now. Requests from here on use new connections; those under way end
    /// on theirs.
    ///
    /// Returns what is wrong with it. With an error among that, what was known before stays; when nothing was, the rest
    /// is used, and what is wrong is not replaced by anything: nobody is trusted, no proxy is gone past.
    pub fn use_network(&self, network: Network) -> Vec<Diagnostic> {
        let mut said = Vec::new();
        let mut state = self.state();
        if let Err(message) = state.replace(network, &mut said) {
            said.push(Diagnostic {
                level: Level::Error,
                field: "the gateway's network".to_owned(),
                message: format!("can't be used: {message}"),
            });
        }
        said
    }

    /// Lets all connections go, because the runtime that carried them has ended: with it has ended what ends idle ones.
    /// Those of a network that can't be set up anew stay.
    pub fn renew(&self) {
        let state = self.state();
        for client in state.clients.values() {
            if let Some(Ok(clients)) = state
                .setup
                .as_ref()
                .map(|s| s.clients(client.connect_timeout))
            {
                *client
                    .current
                    .write()
                    .unwrap_or_else(PoisonError::into_inner) = clients;
            }
        }
    }
}

impl State {
    fn replace(&mut self, network: Network, said: &mut Vec<Diagnostic>) -> Result<(), String> {
        let setup = Setup::new(network, said)?;
        if self.setup.is_some() && said.iter().any(|d| d.level == Level::Error) {
            return Ok(());
        }
        let all: Result<Vec<_>, String> = self
            .clients
            .values()
            .map(|client| Ok((client, setup.clients(client.connect_timeout)?)))
            .collect();
        for (client, clients) in all? {
            *client
                .current
                .write()
                .unwrap_or_else(PoisonError::into_inner) = clients;
        }
        self.setup = Some(setup);
        Ok(())
    }
}

impl Transport for HttpClient {
    async fn send(&self, upstream: Upstream, body: Bytes) -> Result<Answer, NetError> {
        let url: Url = upstream.url.parse().map_err(|_| NetError::Address)?;
        let client = self.for_server(&url);
        let mut request = reqwest::Request::new(upstream.method, url);
        *request.headers_mut() = upstream.headers;
        *request.body_mut() = Some(body.into());
        let response = client.execute(request).await.map_err(|e| net_error(&e))?;
        let response: http::Response<reqwest::Body> = response.into();
        let (parts, body) = response.into_parts();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: Box::pin(http_body_util::BodyDataStream::new(body).map_err(|e| net_error(&e))),
        })
    }
}

fn net_error(error: &reqwest::Error) -> NetError {
    if error.is_builder() {
        return NetError::Address;
    }
    let causes = || successors(error.source(), |e| cause(*e));
    let tls = causes().find_map(|e| e.downcast_ref::<rustls::Error>());
    if error.is_connect() {
        let mut io = causes().filter_map(|e| e.downcast_ref::<std::io::Error>());
        return match tls {
            _ if error.is_timeout() => NetError::ConnectTimeout,
            _ if error.is_dns() => NetError::Dns,
            Some(tls) => NetError::Tls(handshake(tls)),
            None if io.any(|e| e.kind() == ErrorKind::ConnectionRefused) => NetError::Refused,
            None => NetError::Connect,
        };
    }
    // With TLS 1.3 a server looks at the client's certificate when the client thinks that all is well already.
    if let Some(alert @ rustls::Error::AlertReceived(_)) = tls {
        return NetError::Tls(handshake(alert));
    }
    let mut hyper = causes().filter_map(|e| e.downcast_ref::<hyper::Error>());
    if hyper.any(hyper::Error::is_parse) {
        NetError::Protocol
    } else {
        NetError::Reset
    }
}

/// An I/O error that wraps another names that one's cause as its own, and leaves it out.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error
        .downcast_ref::<std::io::Error>()
        .and_then(|e| e.get_ref())
    {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

fn handshake(error: &rustls::Error) -> Handshake {
    use AlertDescription as Alert;
    use CertificateError as Certificate;
    use rustls::Error::{AlertReceived, InvalidCertificate};
    match error {
        InvalidCertificate(Certificate::UnknownIssuer) => Handshake::UnknownIssuer,
        InvalidCertificate(
            Certificate::Expired
            | Certificate::ExpiredContext { .. }
            | Certificate::NotValidYet
            | Certificate::NotValidYetContext { .. },
        ) => Handshake::Time,
        InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => Handshake::Name,
        AlertReceived(
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::CertificateUnknown
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::UnsupportedCertificate
            | Alert::UnknownCA
            | Alert::AccessDenied,
        ) => Handshake::ClientCertificate,
        _ => Handshake::Other,
    }
}
