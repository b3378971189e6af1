//! What one loaded library holds: the runtime, the clients, the suspension cache, and what Java has handles for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use failover_executor::{
    Bound, Call, Failure, Gateway, HttpClient, HttpClients, Network, PathRewriting, Registry, Scope,
};
use failover_policy::{Configuration, Diagnostic, GatewayFile, Level, Policy};
use failover_wire::Provider;
use futures_util::FutureExt;
use http::StatusCode;
use once_cell::sync::OnceCell;
use tokio::runtime::Runtime;
use tokio::task::AbortHandle;

use crate::exceptions::Thrown;
use crate::exchange::{Exchange, Signals};
use crate::handles::Handles;
use crate::threads;

/// A policy of a mediator, before and after it is bound to its API.
pub(crate) enum Attached {
    Read(Arc<Policy>),
    Bound {
        bound: Arc<Bound>,
        client: HttpClient,
        /// What of its provider can't be used.
        warnings: Vec<String>,
    },
}

/// A call between `prepare` and its last byte.
pub(crate) struct Running {
    /// Set when each candidate has a path of its own.
    pub(crate) rewriting: Option<PathRewriting>,
    pub(crate) prepared: Mutex<Option<(Box<Call>, HttpClient)>>,
    pub(crate) signals: Arc<Signals>,
    /// Set before the task is spawned, so that whoever ends the call has somebody to tell.
    pub(crate) exchange: OnceCell<Arc<Exchange>>,
    pub(crate) task: OnceCell<AbortHandle>,
}

#[derive(Default)]
pub(crate) struct Engine {
    pub(crate) policies: Handles<Attached>,
    pub(crate) calls: Handles<Running>,
    /// Networks that Java is still describing.
    pub(crate) networks: Handles<Mutex<Network>>,
    pub(crate) registry: Registry,
    configuration: Mutex<Option<Configuration>>,
    clients: HttpClients,
    runtime: Mutex<Option<Arc<Runtime>>>,
}

static ENGINE: OnceCell<Engine> = OnceCell::new();

pub(crate) fn engine() -> &'static Engine {
    ENGINE.get_or_init(Engine::default)
}

impl Engine {
    /// Sets the gateway-wide settings for policies that are read from now on.
    pub(crate) fn configure(&self, file: Option<&GatewayFile<'_>>) -> Configuration {
        let mut configuration = file.map_or_else(Configuration::defaults, Configuration::read);
        let said = self.registry.use_signs(&configuration.signs);
        let wrong = said.iter().filter_map(|said| said.split_once(' '));
        configuration
            .diagnostics
            .extend(wrong.map(|(place, message)| Diagnostic {
                level: Level::Error,
                field: format!("apim.ai.model_failover.{place}"),
                message: message.to_owned(),
            }));
        *self
            .configuration
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(configuration.clone());
        configuration
    }

    pub(crate) fn open(
        &self,
        failover_configs: &str,
        attributes: &[(&str, &str)],
    ) -> Result<u64, Thrown> {
        let settings = self
            .configuration
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map(|c| c.settings.clone())
            .unwrap_or_default();
        let policy = Policy::read(failover_configs, attributes, &settings)?;
        Ok(self
            .policies
            .add(Arc::new(Attached::Read(Arc::new(policy)))))
    }

    pub(crate) fn policy(&self, handle: u64) -> Result<Arc<Policy>, Thrown> {
        match self.policies.get(handle).as_deref() {
            Some(Attached::Read(policy)) => Ok(Arc::clone(policy)),
            _ => Err(Thrown::Handle(handle)),
        }
    }

    pub(crate) fn bind(
        &self,
        policy: u64,
        scope: &Scope,
        provider: Option<(Provider, Vec<String>)>,
    ) -> Result<u64, Thrown> {
        let policy = self.policy(policy)?;
        let runtime = self.runtime()?;
        // The clock and the client's timers belong to the runtime.
        let _inside = runtime.enter();
        let client = self
            .clients
            .client(policy.settings.connect_timeout)
            .map_err(Thrown::Other)?;
        let (provider, warnings) = provider.unzip();
        let bound = Arc::new(self.registry.bind(policy, scope, provider));
        Ok(self.policies.add(Arc::new(Attached::Bound {
            bound,
            client,
            warnings: warnings.unwrap_or_default(),
        })))
    }

    /// Calls providers from now on over the network that was described.
    pub(crate) fn use_network(&self, handle: u64) -> Result<Vec<Diagnostic>, Thrown> {
        let network = self.networks.remove(handle).ok_or(Thrown::Handle(handle))?;
        let network = std::mem::take(&mut *network.lock().unwrap_or_else(PoisonError::into_inner));
        let runtime = self.runtime()?;
        let _inside = runtime.enter();
        Ok(self.clients.use_network(network))
    }

    pub(crate) fn call(&self, handle: u64) -> Result<Arc<Running>, Thrown> {
        self.calls.get(handle).ok_or(Thrown::Handle(handle))
    }

    /// Starts a prepared call. The handle ends with the task.
    pub(crate) fn start(&'static self, handle: u64, exchange: Arc<Exchange>) -> Result<(), Thrown> {
        let running = self.call(handle)?;
        let prepared = running
            .prepared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let (call, client) = prepared.ok_or(Thrown::Handle(handle))?;
        let first = running.signals.early();
        let _ = running.exchange.set(Arc::clone(&exchange));
        let ends = EndOfCall(handle);
        let task = self.runtime()?.spawn(async move {
            let _ends = ends;
            let work = AssertUnwindSafe(call.run(&client, &*exchange, first));
            if let Err(panic) = work.catch_unwind().await {
                exchange.panicked(panic);
                exchange.fail(failure(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "The failover executor failed; the gateway's log has the details",
                ));
            }
        });
        let _ = running.task.set(task.abort_handle());
        if self.calls.get(handle).is_none() {
            // Cancelled before it could be told, or over already.
            task.abort();
        }
        Ok(())
    }

    /// Ends a call. Its handle ends when its task has let go of everything, or now when it has none.
    pub(crate) fn cancel(&self, handle: u64) {
        let Some(running) = self.calls.get(handle) else {
            return;
        };
        match running.task.get() {
            Some(task) => task.abort(),
            None => drop(self.calls.remove(handle)),
        }
    }

    fn runtime(&self) -> Result<Arc<Runtime>, Thrown> {
        let mut runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = runtime.as_ref() {
            return Ok(Arc::clone(runtime));
        }
        let made = threads::runtime().map_err(|e| Thrown::Other(e.to_string()))?;
        let made = Arc::new(made);
        *runtime = Some(Arc::clone(&made));
        Ok(made)
    }

    /// Cancels every call and ends the threads. The next `bind` starts new ones.
    pub(crate) fn shut_down(&self) {
        for running in self.calls.drain() {
            if let Some(task) = running.task.get() {
                task.abort();
            }
            if let Some(exchange) = running.exchange.get() {
                exchange.fail(failure(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The failover executor was shut down",
                ));
            }
        }
        let runtime = self
            .runtime
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(runtime) = runtime.and_then(Arc::into_inner) {
            runtime.shutdown_background();
        }
    }
}

fn failure(status: StatusCode, message: &str) -> Failure {
    Failure {
        status,
        code: 101_500,
        message: message.to_owned(),
        retry_after: None,
        candidate: None,
    }
}

/// Takes a call's handle back when its task ends, however it ends.
struct EndOfCall(u64);

impl Drop for EndOfCall {
    fn drop(&mut self) {
        // It can run because of a panic; a second one must not get out.
        let _ = catch_unwind(|| engine().calls.remove(self.0));
    }
}
