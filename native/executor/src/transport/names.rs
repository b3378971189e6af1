//! Host names to addresses.
//!
//! They are asked for by `getaddrinfo`, as the JVM around us asks: `/etc/hosts`, `nsswitch.conf` and its plugins, the
//! search domains and `ndots` of a Kubernetes pod, a resolver that is changed while the gateway runs, all count as
//! they do for the gateway's other endpoints. A resolver of our own would read some of these, its own way.
//!
//! `getaddrinfo` blocks, for as long as it likes, and can't be stopped. So it has threads of its own, never the
//! runtime's: at most one for a host, however many calls want it, and [`MAX_THREADS`] in all. Nobody waits for one
//! beyond its connect timeout. What was found is kept for [`FRESH`], what failed for [`FAILED`]; the JVM's times are
//! 30 s and 10 s, and ours for failures is short because a candidate may be tried again at once. When the name
//! servers are away, the last known addresses do for up to [`STALE`] (RFC 8767).

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::dns::Name;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tower_service::Service;

/// How long an answer is believed.
const FRESH: Duration = Duration::from_secs(30);

/// How long after a failure nobody asks again.
const FAILED: Duration = Duration::from_secs(1);

/// How old an answer may be that stands in for one that does not come.
const STALE: Duration = Duration::from_secs(3600);

/// How long a new answer is waited for when there is an old one.
const PATIENCE: Duration = Duration::from_millis(500);

/// Hosts that are asked for at one time.
const MAX_THREADS: usize = 64;

/// Hosts that are known at one time.
const MAX_HOSTS: usize = 1024;

/// Enough for `getaddrinfo` and a plugin of `nsswitch.conf`.
const STACK: usize = 512 * 1024;

/// Nobody knows the host, or nobody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an unknown host name")]
pub(super) struct Unknown;

type Addresses = Arc<[IpAddr]>;
type Answer = Result<Addresses, Unknown>;
type Lookup = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// What is known of host names, for all clients of a gateway.
#[derive(Clone)]
pub(super) struct Names(Arc<Shared>);

struct Shared {
    lookup: Box<Lookup>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    hosts: HashMap<String, Host>,
    /// Whom no thread has asked for yet.
    queue: VecDeque<String>,
    threads: usize,
}

#[derive(Default)]
struct Host {
    found: Option<(Instant, Addresses)>,
    failed: Option<Instant>,
    /// When somebody began to wait, and whoever waits.
    asked: Option<(Instant, watch::Sender<Option<Answer>>)>,
}

impl Default for Names {
    fn default() -> Self {
        Names::asking(|host| Ok((host, 0).to_socket_addrs()?.map(|a| a.ip()).collect()))
    }
}

impl Names {
    pub(super) fn asking(
        lookup: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
    ) -> Self {
        Names(Arc::new(Shared {
            lookup: Box::new(lookup),
            state: Mutex::default(),
        }))
    }

    async fn addresses(&self, host: &str) -> Answer {
        let now = Instant::now();
        let (old, since, mut answer) = {
            let mut state = self.0.state();
            let known = state.hosts.get(host);
            if let Some(answer) = known.and_then(|h| h.fresh(now)) {
                return answer;
            }
            let old = known.and_then(|h| h.stale(now));
            let Some((since, answer)) = self.ask(&mut state, host, now) else {
                return old.ok_or(Unknown);
            };
            (old, since, answer)
        };
        let new = answer.wait_for(Option::is_some);
        let new = match &old {
            Some(_) => timeout_at(since + PATIENCE, new).await.ok(),
            None => Some(new.await),
        };
        let new = new.and_then(|waited| waited.ok().and_then(|answer| answer.clone()));
        new.unwrap_or(Err(Unknown)).or_else(|e| old.ok_or(e))
    }

    /// Joins those who wait for a host. `None`: there are too many hosts.
    fn ask(
        &self,
        state: &mut State,
        host: &str,
        now: Instant,
    ) -> Option<(Instant, watch::Receiver<Option<Answer>>)> {
        if let Some((since, waiting)) = state.hosts.get(host).and_then(|h| h.asked.as_ref()) {
            return Some((*since, waiting.subscribe()));
        }
        if state.hosts.len() >= MAX_HOSTS && !state.hosts.contains_key(host) {
            let at_rest = state.hosts.iter().filter(|(_, h)| h.asked.is_none());
            let oldest = at_rest.min_by_key(|(_, h)| h.found.as_ref().map(|f| f.0).max(h.failed));
            let oldest = oldest.map(|(host, _)| host.clone())?;
            state.hosts.remove(&oldest);
        }
        let (waiting, answer) = watch::channel(None);
        let entry = state.hosts.entry(host.to_owned()).or_default();
        entry.asked = Some((now, waiting));
        state.queue.push_back(host.to_owned());
        if state.threads < MAX_THREADS {
            let shared = Arc::clone(&self.0);
            let thread = std::thread::Builder::new()
                .name("failover-names".to_owned())
                .stack_size(STACK);
            // Without it, the next host that is asked for tries again.
            if thread.spawn(move || shared.work()).is_ok() {
                state.threads += 1;
            }
        }
        Some((now, answer))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread does: asks for hosts until there are none.
    fn work(&self) {
        loop {
            let host = {
                let mut state = self.state();
                match state.queue.pop_front() {
                    Some(host) => host,
                    None => {
                        state.threads -= 1;
                        return;
                    }
                }
            };
            let found = catch_unwind(AssertUnwindSafe(|| (self.lookup)(&host)));
            let answer = match found {
                Ok(Ok(addresses)) if !addresses.is_empty() => Ok(Addresses::from(addresses)),
                _ => Err(Unknown),
            };
            let mut state = self.state();
            let Some(entry) = state.hosts.get_mut(&host) else {
                continue;
            };
            match &answer {
                Ok(addresses) => {
                    entry.found = Some((Instant::now(), Arc::clone(addresses)));
                    entry.failed = None;
                }
                Err(Unknown) => entry.failed = Some(Instant::now()),
            }
            if let Some((_, waiting)) = entry.asked.take() {
                waiting.send_replace(Some(answer));
            }
        }
    }
}

impl Host {
    fn within(&self, age: Duration, now: Instant) -> Option<Addresses> {
        let (at, addresses) = self.found.as_ref()?;
        (now.saturating_duration_since(*at) < age).then(|| Arc::clone(addresses))
    }

    fn fresh(&self, now: Instant) -> Option<Answer> {
        if let Some(addresses) = self.within(FRESH, now) {
            return Some(Ok(addresses));
        }
        let failed = self.failed?;
        (now.saturating_duration_since(failed) < FAILED).then(|| self.stale(now).ok_or(Unknown))
    }

    fn stale(&self, now: Instant) -> Option<Addresses> {
        self.within(STALE, now)
    }
}

impl Service<Name> for Names {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Unknown;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Unknown>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unknown>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, host: Name) -> Self::Future {
        let names = self.clone();
        Box::pin(async move {
            let addresses = names.addresses(host.as_str()).await?;
            let with_port = addresses.iter().map(|&ip| SocketAddr::new(ip, 0));
            Ok(with_port.collect::<Vec<_>>().into_iter())
        })
    }
}

#[cfg(test)]
mod tests;
