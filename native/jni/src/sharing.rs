//! The gateways that this one shares suspensions with, as long as that is configured and the bundle runs.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{env, fs};

use failover_cluster::{Cluster, Options, Secret, Surroundings, Tls, Topology};
use failover_executor::Registry;
use failover_metrics::{Cluster as Shown, Snapshot};
use failover_policy::{Configuration, Diagnostic, Level, Sharing};
use failover_suspension::{Key, Moment};

use crate::runtime::runtime;

/// The link to them.
#[derive(Default)]
pub(crate) struct Neighbours {
    cluster: Mutex<Option<Cluster>>,
}

impl Neighbours {
    fn cluster(&self) -> MutexGuard<'_, Option<Cluster>> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the link be as it is configured; what can't be had is said. Waits for nobody who is not of this machine.
    pub(crate) fn share(
        &self,
        configuration: &Configuration,
        registry: &Registry,
    ) -> Option<Diagnostic> {
        let wanted = configuration.sharing.as_ref().map(options);
        let mut cluster = self.cluster();
        if cluster.as_ref().map(Cluster::options) == wanted.as_ref() {
            return None;
        }
        registry.cache().share(None);
        *cluster = None;
        let wanted = wanted?;
        let started = readable(&wanted).and_then(|()| {
            Cluster::start(wanted, Box::new(Gateway))
                .map_err(|e| (String::new(), format!("can't have a thread: {e}")))
        });
        match started {
            Ok(started) => {
                registry.cache().share(Some(started.introduction()));
                *cluster = Some(started);
                None
            }
            Err((setting, message)) => Some(Diagnostic {
                level: Level::Error,
                field: format!("apim.ai.model_failover.cluster{setting}"),
                message: format!("{message}; the gateway goes on alone"),
            }),
        }
    }

    /// The gateway is alone from now on.
    pub(crate) fn leave(&self, registry: &Registry) {
        let mut cluster = self.cluster();
        registry.cache().share(None);
        *cluster = None;
    }

    /// Whether suspensions are shared now, in words.
    pub(crate) fn word(&self) -> String {
        let cluster = self.cluster();
        let Some(cluster) = cluster.as_ref() else {
            return "off".to_owned();
        };
        let status = cluster.status();
        match (status.up, &*status.error) {
            (true, _) => format!("shared as {}", cluster.node()),
            (false, "") => "alone: not linked yet".to_owned(),
            (false, error) => format!("alone: {error}"),
        }
    }

    /// Adds to the picture what is known of the others.
    pub(crate) fn show(&self, snapshot: &mut Snapshot) {
        let cluster = self.cluster();
        let Some(cluster) = cluster.as_ref() else {
            return;
        };
        for api in &mut snapshot.apis {
            let suspended = api.candidates.iter_mut().filter(|c| c.suspended_ms > 0);
            for candidate in suspended {
                let by = cluster.suspended_by(&Key {
                    tenant: api.tenant.clone(),
                    api: api.name.clone(),
                    version: api.version.clone(),
                    endpoint_id: candidate.endpoint.clone(),
                    model: candidate.model.clone(),
                });
                if let Some(by) = by.filter(|by| by != cluster.node()) {
                    candidate.why = Some(format!("suspended by {by}"));
                }
            }
        }
        let status = cluster.status();
        let counts = status.counts;
        snapshot.health.cluster = Some(Shown {
            node: cluster.node().to_owned(),
            up: status.up,
            error: status.error,
            links: status.links,
            operations: counts.sent,
            failed: counts.failed,
            dropped: status.dropped,
            backlog: status.backlog as u64,
            heard: counts.heard,
            alone: counts.alone,
            collisions: counts.collisions,
            round_trip_seconds: counts.round_trip.as_secs_f64(),
            silent_seconds: status.silent_for.map(|time| time.as_secs_f64()),
        });
    }
}

fn options(sharing: &Sharing) -> Options {
    let secret = |secret: &failover_policy::Secret| Secret::new(secret.reveal().to_owned());
    Options {
        servers: sharing.servers.clone(),
        topology: match &sharing.sentinel_master {
            _ if sharing.cluster_mode => Topology::Cluster,
            Some(master) => Topology::Sentinel {
                master: master.clone(),
                password: sharing.sentinel_password.as_ref().map(secret),
            },
            None => Topology::Single,
        },
        tls: sharing.tls.then(|| Tls {
            ca_file: sharing.ca_file.as_ref().map(PathBuf::from),
        }),
        user: sharing.user.clone(),
        password: sharing.password.as_ref().map(secret),
        database: sharing.database,
        prefix: sharing.prefix.clone(),
        group: sharing.group.clone(),
        node: sharing.node.clone().unwrap_or_else(host),
    }
}

/// This machine's name; in a container that of the pod.
fn host() -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = kernel.or_else(|| env::var("HOSTNAME").ok());
    let name = name.unwrap_or_default();
    match name.trim() {
        "" => "gateway".to_owned(),
        name => name.to_owned(),
    }
}

/// Whether what it names can be read: now, rather than at each try to link up.
fn readable(options: &Options) -> Result<(), (String, String)> {
    let ca_file = options.tls.as_ref().and_then(|tls| tls.ca_file.as_ref());
    let Some(file) = ca_file else {
        return Ok(());
    };
    match fs::read_to_string(file) {
        Ok(text) if text.contains("-----BEGIN CERTIFICATE-----") => Ok(()),
        Ok(_) => Err((
            ".ca_file".to_owned(),
            format!("{} has no certificate", file.display()),
        )),
        Err(e) => Err((
            ".ca_file".to_owned(),
            format!("{} can't be read: {e}", file.display()),
        )),
    }
}

struct Gateway;

impl Surroundings for Gateway {
    fn now(&self) -> Moment {
        runtime().registry.clock().now()
    }

    fn say(&self, line: &str) {
        runtime().operators.say(line);
    }

    fn tell_apart_by(&self, key: u64) {
        runtime().registry.tell_apart_by(key);
    }
}
