//! The client against real TLS servers and proxies: whom it trusts, as whom it appears, and what becomes of that when
//! the gateway's configuration changes.

#![allow(unreachable_pub, clippy::unwrap_used)]

mod certificates;
mod frames;
mod http1;
mod http2;
mod names;
mod nginx;
mod servers;
mod tls;
mod ways;

use std::time::Duration;

use bytes::Bytes;
use failover_executor::{
    Answer, Hostnames, HttpClient, HttpClients, NetError, Network, Profile, Transport, Trusted,
    Upstream,
};
use failover_policy::Diagnostic;
use futures_util::TryStreamExt;
use http::{HeaderMap, Method};

/// A client in a gateway's network.
struct Client {
    clients: HttpClients,
    client: HttpClient,
    /// What was wrong with the network.
    said: Vec<Diagnostic>,
}

impl Client {
    fn of(network: Network) -> Client {
        Client::with(HttpClients::default(), network, false)
    }

    /// One that speaks HTTP/2 where it is offered.
    fn of_http2(network: Network) -> Client {
        Client::with(HttpClients::default(), network, true)
    }

    fn with(clients: HttpClients, network: Network, http2: bool) -> Client {
        let said = clients.use_network(network);
        let client = clients.client(Duration::from_secs(5), http2).unwrap();
        Client {
            clients,
            client,
            said,
        }
    }

    fn upstream(url: &str) -> Upstream {
        Upstream {
            method: Method::POST,
            url: url.to_owned(),
            headers: HeaderMap::new(),
            own_credential: false,
        }
    }

    async fn deliver(&self, upstream: Upstream) -> Result<Answer, NetError> {
        self.client.send(upstream, Bytes::from("hi")).await
    }

    async fn send(&self, url: &str) -> Result<Answer, NetError> {
        self.deliver(Client::upstream(url)).await
    }

    /// The answer's text.
    async fn ask(&self, url: &str) -> Result<String, NetError> {
        text(self.send(url).await?).await
    }
}

async fn text(answer: Answer) -> Result<String, NetError> {
    let pieces: Vec<Bytes> = answer.body.try_collect().await?;
    Ok(String::from_utf8(pieces.concat()).unwrap())
}

/// A gateway that trusts these, and checks names.
fn trusting(trusted: Option<Trusted>) -> Network {
    Network {
        profiles: vec![Profile {
            trusted,
            ..Profile::default()
        }],
        ..Network::default()
    }
}

fn checking(hostnames: Hostnames, trusted: Option<Trusted>) -> Network {
    Network {
        hostnames,
        ..trusting(trusted)
    }
}

fn hello() -> Result<String, NetError> {
    Ok("hello".to_owned())
}
