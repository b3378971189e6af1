//! reqwest as the [`Transport`]: pooled HTTP/1.1 and HTTP/2 over rustls.

use std::collections::HashMap;
use std::error::Error;
use std::io::ErrorKind;
use std::iter::successors;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use reqwest::redirect;

use crate::gateway::Upstream;
use crate::transport::{Answer, NetError, Transport};

/// A client for one connect timeout. Cheap to clone; all clones share one pool.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: reqwest::Client,
}

/// The clients of a gateway, one for each connect timeout in use: reqwest knows that limit per client only.
#[derive(Debug)]
pub struct HttpClients {
    tls: rustls::ClientConfig,
    clients: Mutex<HashMap<Duration, HttpClient>>,
}

impl HttpClients {
    /// Clients that trust the machine's certificate store.
    ///
    /// # Errors
    /// When the TLS library refuses its own defaults.
    pub fn new() -> Result<Self, String> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(HttpClients {
            tls,
            clients: Mutex::default(),
        })
    }

    /// The client for this connect timeout. Asked for when a policy is bound, not by requests.
    ///
    /// # Errors
    /// When the client can't be built.
    pub fn client(&self, connect_timeout: Duration) -> Result<HttpClient, String> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&connect_timeout) {
            return Ok(client.clone());
        }
        let client = reqwest::Client::builder()
            .use_preconfigured_tls(self.tls.clone())
            .connect_timeout(connect_timeout)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .tcp_nodelay(true)
            .pool_idle_timeout(Duration::from_secs(60))
            .build()
            .map_err(|e| e.to_string())?;
        let client = HttpClient { client };
        clients.insert(connect_timeout, client.clone());
        Ok(client)
    }
}

impl Transport for HttpClient {
    async fn send(&self, upstream: Upstream, body: Bytes) -> Result<Answer, NetError> {
        let mut request = reqwest::Request::new(
            upstream.method,
            upstream.url.parse().map_err(|_| NetError::Address)?,
        );
        *request.headers_mut() = upstream.headers;
        *request.body_mut() = Some(body.into());
        let response = self
            .client
            .execute(request)
            .await
            .map_err(|e| net_error(&e))?;
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
    let causes: Vec<&(dyn Error + 'static)> =
        successors(error.source(), |e: &&(dyn Error + 'static)| (*e).source()).collect();
    if error.is_connect() {
        let tls = |e: &std::io::Error| e.get_ref().is_some_and(|e| e.is::<rustls::Error>());
        let io = causes
            .iter()
            .find_map(|e| e.downcast_ref::<std::io::Error>());
        return match io {
            _ if error.is_timeout() => NetError::ConnectTimeout,
            _ if error.is_dns() => NetError::Dns,
            Some(io) if io.kind() == ErrorKind::ConnectionRefused => NetError::Refused,
            Some(io) if tls(io) => NetError::Tls,
            _ => NetError::Connect,
        };
    }
    let is_parse = |e: &&(dyn Error + 'static)| {
        e.downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_parse)
    };
    if causes.iter().any(is_parse) {
        NetError::Protocol
    } else {
        NetError::Reset
    }
}
