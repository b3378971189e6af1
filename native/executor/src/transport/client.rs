//! The gateway's [`Transport`]: HTTP/1.1 on hyper's connections, HTTP/2 on h2's, TLS by rustls.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use failover_policy::{Diagnostic, Level};

use super::address::{Address, Server};
use super::connect::{Connector, Route};
use super::failed::Failed;
use super::names::Names;
use super::network::Network;
use super::origin::{Origin, Sent};
use super::proxies::Proxies;
use super::shared::Need;
use super::tls::Tls;
use super::{Answer, NetError, Transport};
use crate::upstream::Upstream;

/// How often it is looked for connections that nobody uses.
const SWEEP: Duration = Duration::from_secs(10);

/// A client for one connect timeout, with or without HTTP/2. Cheap to clone; all clients of a gateway that speak the
/// same share their connections, and see a new [`Network`] with their next request.
#[derive(Clone)]
pub struct HttpClient {
    http2: bool,
    connector: Connector,
    current: Arc<RwLock<Arc<Setup>>>,
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("connect_timeout", &self.connector.limit())
            .field("http2", &self.http2)
            .finish_non_exhaustive()
    }
}

impl HttpClient {
    fn origin(&self, server: &str) -> Result<Arc<Origin>, NetError> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let pool = &current.pools[usize::from(self.http2)];
        pool.origin(server, || {
            let server = Server::of(server)?;
            let route = Route::to(&server, &current.tls, &current.proxies)?;
            Ok(Origin::new(server, route, self.http2))
        })
    }
}

impl Transport for HttpClient {
    async fn send(&self, upstream: Upstream, body: Bytes) -> Result<Answer, NetError> {
        let address = Address::of(upstream.url)?;
        let origin = self.origin(address.server())?;
        let sent = Sent {
            method: upstream.method,
            target: address.target,
            headers: upstream.headers,
            body,
        };
        let first = origin.send(&self.connector, sent.clone(), Need::Any).await;
        let answer = match first {
            Err(Failed::NotProcessed { on }) => {
                let need = Need::NewerThan(on);
                origin.send(&self.connector, sent, need).await
            }
            first => first,
        };
        answer.map_err(NetError::from)
    }
}

/// The clients of a gateway.
#[derive(Default)]
pub struct HttpClients {
    names: Names,
    current: Mutex<Option<Arc<RwLock<Arc<Setup>>>>>,
}

/// A [`Network`] in the terms of the libraries, and the connections that were made by it.
struct Setup {
    tls: Arc<Tls>,
    proxies: Arc<Proxies>,
    /// Without HTTP/2, and with it.
    pools: [Arc<Pool>; 2],
}

impl Setup {
    fn new(mut network: Network, said: &mut Vec<Diagnostic>) -> Result<Arc<Self>, String> {
        Ok(Arc::new(Setup {
            tls: Arc::new(Tls::new(&mut network, said).map_err(|e| e.to_string())?),
            proxies: Arc::new(Proxies::new(network.proxies, said)),
            pools: Default::default(),
        }))
    }
}

impl HttpClients {
    /// Clients that have host names looked up by this function instead of the machine's resolver. It may block.
    pub fn with_names(
        lookup: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
    ) -> Self {
        HttpClients {
            names: Names::asking(lookup),
            ..HttpClients::default()
        }
    }

    /// A client. `connect_timeout`: for name, TCP, proxy and TLS together. `http2`: whether HTTP/2 is spoken with
    /// servers that offer it. Asked for when a policy is attached, not by requests.
    ///
    /// # Errors
    /// When the TLS library refuses its own defaults.
    pub fn client(&self, connect_timeout: Duration, http2: bool) -> Result<HttpClient, String> {
        let mut current = self.current();
        let current = match &*current {
            Some(current) => Arc::clone(current),
            None => {
                let setup = Setup::new(Network::default(), &mut Vec::new())?;
                Arc::clone(current.insert(Arc::new(RwLock::new(setup))))
            }
        };
        Ok(HttpClient {
            http2,
            connector: Connector::new(self.names.clone(), connect_timeout),
            current,
        })
    }

    /// Takes over how the gateway is configured now. Requests from here on use new connections; those under way end
    /// on theirs.
    ///
    /// Returns what is wrong with it. With an error among that, what was known before stays; when nothing was, the rest
    /// is used, and what is wrong is not replaced by anything: nobody is trusted, no proxy is gone past.
    pub fn use_network(&self, network: Network) -> Vec<Diagnostic> {
        let mut said = Vec::new();
        let setup = match Setup::new(network, &mut said) {
            Ok(setup) => setup,
            Err(message) => {
                said.push(Diagnostic {
                    level: Level::Error,
                    field: "the gateway's network".to_owned(),
                    message: format!("can't be used: {message}"),
                });
                return said;
            }
        };
        let mut current = self.current();
        match &*current {
            Some(_) if said.iter().any(|d| d.level == Level::Error) => {}
            Some(current) => *current.write().unwrap_or_else(PoisonError::into_inner) = setup,
            None => *current = Some(Arc::new(RwLock::new(setup))),
        }
        said
    }

    /// Lets all connections go, because the runtime that carried them has ended: with it has ended what ends idle ones.
    pub fn renew(&self) {
        if let Some(current) = &*self.current() {
            let mut current = current.write().unwrap_or_else(PoisonError::into_inner);
            *current = Arc::new(Setup {
                tls: Arc::clone(&current.tls),
                proxies: Arc::clone(&current.proxies),
                pools: Default::default(),
            });
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<RwLock<Arc<Setup>>>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All servers that are called, by scheme and authority as their URLs spell them.
#[derive(Default)]
struct Pool(Mutex<Origins>);

#[derive(Default)]
struct Origins {
    by_server: HashMap<String, Arc<Origin>>,
    swept: bool,
}

impl Pool {
    fn origins(&self) -> MutexGuard<'_, Origins> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn origin(
        self: &Arc<Self>,
        server: &str,
        make: impl FnOnce() -> Result<Origin, NetError>,
    ) -> Result<Arc<Origin>, NetError> {
        let mut origins = self.origins();
        if let Some(origin) = origins.by_server.get(server) {
            return Ok(Arc::clone(origin));
        }
        let origin = Arc::new(make()?);
        let by_server = &mut origins.by_server;
        by_server.insert(server.to_owned(), Arc::clone(&origin));
        let is_swept = std::mem::replace(&mut origins.swept, true);
        // A runtime that is ending drops the task at once, and a sweeper that is dropped wants the lock.
        drop(origins);
        if !is_swept {
            tokio::spawn(sweep(Sweeper(Arc::downgrade(self))));
        }
        Ok(origin)
    }
}

/// The task that closes what is not used, while there is anything. It ends with its runtime, and the next one has it
/// started again.
struct Sweeper(Weak<Pool>);

impl Drop for Sweeper {
    fn drop(&mut self) {
        if let Some(pool) = self.0.upgrade() {
            pool.origins().swept = false;
        }
    }
}

async fn sweep(mut sweeper: Sweeper) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(pool) = sweeper.0.upgrade() else {
            return;
        };
        let all: Vec<_> = pool.origins().by_server.values().cloned().collect();
        for origin in &all {
            origin.sweep();
        }
        drop(all);
        let mut origins = pool.origins();
        // Nobody else has it, so that nobody can put anything into it.
        let in_use = |origin: &Arc<Origin>| Arc::strong_count(origin) > 1 || origin.sweep();
        origins.by_server.retain(|_, origin| in_use(origin));
        if origins.by_server.is_empty() {
            origins.swept = false;
            // That must not be said again when another has begun.
            sweeper.0 = Weak::new();
            return;
        }
    }
}
