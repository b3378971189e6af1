//! One connection: names, TCP, a proxy's tunnel, TLS.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::NetError;
use super::address::{Server, absolute};
use super::failed::to_connect;
use super::line::Line;
use super::names::Names;
use super::proxies::{Proxies, Via};
use super::tls::{Configs, Tls};

/// After this without a byte the kernel asks whether anybody is there; so do stateful firewalls' clocks.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// How long what was sent may go unacknowledged.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// TCP connections of one `connect_timeout`, to all addresses of a host in turn (RFC 8305).
#[derive(Clone)]
pub(super) struct Connector {
    limit: Duration,
    tcp: HttpConnector<Names>,
}

impl Connector {
    pub(super) fn new(names: Names, limit: Duration) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(names);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(limit));
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_keepalive_interval(Some(KEEPALIVE));
        tcp.set_keepalive_retries(Some(3));
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        Connector { limit, tcp }
    }

    /// The longest that a connection may take.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }
}

/// How a server is reached.
pub(super) struct Route {
    /// For TCP.
    plain: Uri,
    via: Option<Via>,
    tls: Option<(ServerName<'static>, Configs)>,
}

impl Route {
    /// # Errors
    /// [`NetError::Address`].
    pub(super) fn to(server: &Server, tls: &Tls, proxies: &Proxies) -> Result<Self, NetError> {
        let tls = match server.secure {
            true => {
                let name = ServerName::try_from(server.bare_host().to_owned());
                let configs = tls.of(&server.host, server.port).clone();
                Some((name.map_err(|_| NetError::Address)?, configs))
            }
            false => None,
        };
        Ok(Route {
            plain: server.plain_url()?,
            via: proxies.select(server.secure, &server.host).cloned(),
            tls,
        })
    }

    /// The proxy that is asked for the whole URL.
    pub(super) fn forwarded_by(&self) -> Option<&Via> {
        self.via.as_ref().filter(|_| self.tls.is_none())
    }

    /// Whether the server could speak HTTP/2.
    pub(super) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// `http2`: whether that is offered.
    ///
    /// # Errors
    /// Those of [`NetError::is_before_connection`].
    pub(super) async fn connect(
        &self,
        connector: &Connector,
        http2: bool,
    ) -> Result<Line, NetError> {
        timeout(connector.limit, self.connect_at_leisure(connector, http2))
            .await
            .unwrap_or(Err(NetError::ConnectTimeout))
    }

    async fn connect_at_leisure(
        &self,
        connector: &Connector,
        http2: bool,
    ) -> Result<Line, NetError> {
        let Some((name, configs)) = &self.tls else {
            let to = self.via.as_ref().map_or(&self.plain, |via| &via.at);
            return Ok(Line::plain(tcp(connector, to).await?));
        };
        let tcp = match &self.via {
            None => tcp(connector, &self.plain).await?,
            Some(via) => tunnel(connector, via, &self.plain).await?,
        };
        let config = Arc::clone(match http2 {
            true => &configs.http2,
            false => &configs.http1,
        });
        let tls = TlsConnector::from(config).connect(name.clone(), tcp).await;
        Ok(Line::tls(tls.map_err(|e| to_connect(&e))?))
    }
}

async fn tcp(connector: &Connector, to: &Uri) -> Result<TcpStream, NetError> {
    let connected = connector.tcp.clone().call(to.clone()).await;
    connected
        .map(TokioIo::into_inner)
        .map_err(|e| to_connect(&e))
}

async fn tunnel(connector: &Connector, via: &Via, to: &Uri) -> Result<TcpStream, NetError> {
    let mut tunnel = Tunnel::new(via.at.clone(), connector.tcp.clone());
    if let Some(login) = &via.login {
        tunnel = tunnel.with_auth(login.clone());
    }
    let connected = tunnel.call(to.clone()).await;
    connected
        .map(TokioIo::into_inner)
        .map_err(|e| to_connect(&e))
}

/// The URL that a forward proxy is asked for.
pub(super) fn forwarded(server: &Server, target: http::uri::PathAndQuery) -> Result<Uri, NetError> {
    absolute(Scheme::HTTP, server.authority.clone(), target)
}
