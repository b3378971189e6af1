//! Gateways as the cluster sees them: a cache with gates, and the cluster that they share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use failover_cluster::{Cluster, Options, Surroundings, Topology};
use failover_suspension::{Admission, Cache, Gate, Key, Moment, Permit, State};

pub fn options(servers: &[(String, u16)]) -> Options {
    Options {
        servers: servers.to_vec(),
        topology: Topology::Single,
        tls: None,
        user: None,
        password: None,
        database: 0,
        prefix: "model-failover".to_owned(),
        group: "test".to_owned(),
        node: "a".to_owned(),
    }
}

pub fn key(model: &str) -> Key {
    Key {
        tenant: "carbon.super".to_owned(),
        api: "AssistantAPI".to_owned(),
        version: "1.0.0".to_owned(),
        endpoint_id: "e1".to_owned(),
        model: model.to_owned(),
    }
}

/// What a gateway gives the cluster. Its clock has a beginning of its own.
pub struct Around {
    epoch: Instant,
    pub key: Arc<AtomicU64>,
}

impl Surroundings for Around {
    fn now(&self) -> Moment {
        Moment(1 + self.epoch.elapsed().as_millis() as u64)
    }

    fn say(&self, _: &str) {}

    fn tell_apart_by(&self, key: u64) {
        self.key.store(key, Ordering::Relaxed);
    }
}

pub struct Gateway {
    pub cache: Cache,
    pub cluster: Cluster,
    epoch: Instant,
    pub key: Arc<AtomicU64>,
}

impl Gateway {
    pub fn start(name: &str, options: &Options) -> Gateway {
        // As if it had been started at another time than the others.
        let age = Duration::from_secs(u64::from(name.as_bytes()[0]) * 1000);
        let epoch = Instant::now().checked_sub(age).unwrap_or_else(Instant::now);
        let key = Arc::new(AtomicU64::new(0));
        let around = Around {
            epoch,
            key: Arc::clone(&key),
        };
        let options = Options {
            node: name.to_owned(),
            ..options.clone()
        };
        let cluster = Cluster::start(options, Box::new(around)).expect("a thread");
        let cache = Cache::new();
        cache.share(Some(cluster.introduction()));
        Gateway {
            cache,
            cluster,
            epoch,
            key,
        }
    }

    pub fn linked(self) -> Self {
        super::servers::until("the gateway has its link", || self.cluster.status().up);
        self
    }

    pub fn now(&self) -> Moment {
        Moment(1 + self.epoch.elapsed().as_millis() as u64)
    }

    pub fn gate(&self, model: &str) -> Arc<Gate> {
        self.cache.gate(&key(model), self.now())
    }

    pub fn suspend(&self, model: &str, length: Duration) {
        self.gate(model).suspend(self.now().plus(length));
    }

    pub fn state(&self, model: &str) -> State {
        self.gate(model).state(self.now())
    }

    /// What is left of a suspension.
    pub fn left(&self, model: &str) -> Duration {
        match self.state(model) {
            State::Suspended { until } => self.now().until(until),
            _ => Duration::ZERO,
        }
    }

    /// What a request does: the permit to probe, if it gets it.
    pub fn probe(&self, model: &str) -> Option<Permit> {
        match self.gate(model).admit(self.now()) {
            Admission::Probe(permit) => Some(permit),
            _ => None,
        }
    }
}
