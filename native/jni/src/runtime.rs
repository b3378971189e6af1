//! What one loaded library holds: the runtime, the clients, the suspension cache, and what Java has handles for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use failover_executor::{AttachedPolicy, HttpClient, HttpClients, Network, Registry, Scope};
use failover_policy::{Configuration, Diagnostic, GatewayFile, Level, Policy, Settings};
use failover_wire::Provider;
use futures_util::FutureExt;
use http::HeaderName;
use jni::sys::jlong;
use once_cell::sync::OnceCell;

use crate::exceptions::Thrown;
use crate::exchange::Exchange;
use crate::native_object::Handles;
use crate::operators::Operators;
use crate::running::Running;
use crate::sharing::Neighbours;
use crate::threads;

/// How long the threads of a stopped bundle wait for another call, and their connections with them.
const LINGER: Duration = Duration::from_secs(1);

/// A policy with what its calls need.
pub(crate) struct Attached {
    pub(crate) policy: Arc<AttachedPolicy>,
    pub(crate) client: HttpClient,
    /// What of its provider can't be used.
    pub(crate) warnings: Vec<String>,
    /// The headers that hold the API's credentials for the gateway.
    pub(crate) credential_headers: Vec<HeaderName>,
}

#[derive(Default)]
pub(crate) struct Runtime {
    pub(crate) policies: Handles<Arc<Policy>>,
    pub(crate) attached: Handles<Attached>,
    pub(crate) calls: Handles<Running>,
    /// Networks that Java is still describing.
    pub(crate) networks: Handles<Mutex<Network>>,
    pub(crate) registry: Registry,
    pub(crate) operators: Operators,
    pub(crate) neighbours: Neighbours,
    configuration: Mutex<Option<Configuration>>,
    clients: HttpClients,
    /// Held for reading while something is put on it, so that it can't end before that is there.
    tokio: RwLock<Option<tokio::runtime::Runtime>>,
    /// Set while the bundle is stopped: the threads end when no call is under way.
    rests: AtomicBool,
    lingers: AtomicBool,
}

static RUNTIME: OnceCell<Runtime> = OnceCell::new();

pub(crate) fn runtime() -> &'static Runtime {
    RUNTIME.get_or_init(Runtime::default)
}

impl Runtime {
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
        if !self.rests.load(Ordering::SeqCst) {
            let said = self.operators.listen(&configuration.operating);
            configuration.diagnostics.extend(said);
            let said = self.neighbours.share(&configuration, &self.registry);
            configuration.diagnostics.extend(said);
        }
        *self
            .configuration
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(configuration.clone());
        configuration
    }

    /// How many of the gateway-wide settings are not at their defaults.
    pub(crate) fn changed_settings(&self) -> usize {
        let configuration = self
            .configuration
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        configuration.as_ref().map_or(0, |c| c.changed)
    }

    /// The most bytes of bodies where an API sets nothing itself.
    pub(crate) fn max_memory(&self) -> u64 {
        let configuration = self
            .configuration
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let defaults = Settings::default();
        let settings = configuration.as_ref().map_or(&defaults, |c| &c.settings);
        self.registry.memory().limit(settings)
    }

    /// Reads a policy.
    pub(crate) fn read(
        &self,
        failover_configs: &str,
        attributes: &[(&str, &str)],
    ) -> Result<jlong, Thrown> {
        let settings = self
            .configuration
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map(|c| c.settings.clone())
            .unwrap_or_default();
        let policy = Policy::read(failover_configs, attributes, &settings)?;
        Ok(self.policies.add(Arc::new(policy)))
    }

    /// Attaches a policy to an API.
    pub(crate) fn attach(
        &'static self,
        policy: &Arc<Policy>,
        scope: &Scope,
        provider: Option<(Provider, Vec<String>)>,
        credential_headers: Vec<HeaderName>,
    ) -> Result<jlong, Thrown> {
        let (provider, warnings) = provider.unzip();
        // The clock and the client's timers belong to the runtime.
        let (client, policy) = self.inside(|| {
            let settings = &policy.settings;
            let client = self
                .clients
                .client(settings.connect_timeout, settings.http2);
            let policy = Arc::clone(policy);
            (client, self.registry.attach(policy, scope, provider))
        })?;
        Ok(self.attached.add(Attached {
            policy,
            client: client.map_err(Thrown::Other)?,
            warnings: warnings.unwrap_or_default(),
            credential_headers,
        }))
    }

    /// Calls providers from now on over the network that was described.
    pub(crate) fn use_network(&'static self, handle: u64) -> Result<Vec<Diagnostic>, Thrown> {
        let network = self.networks.remove(handle).ok_or(Thrown::Handle(handle))?;
        let network = std::mem::take(&mut *network.lock().unwrap_or_else(PoisonError::into_inner));
        self.inside(|| self.clients.use_network(network))
    }

    /// Starts a prepared call. The handle ends with the task. `whole`: streams are collected.
    pub(crate) fn start(
        &'static self,
        handle: u64,
        running: &Running,
        exchange: Arc<Exchange>,
        whole: bool,
    ) -> Result<(), Thrown> {
        let prepared = running
            .prepared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let (mut call, client) = prepared.ok_or(Thrown::Handle(handle))?;
        if whole {
            call.collect_streams();
        }
        let _ = running.exchange.set(Arc::clone(&exchange));
        // On the thread of the request, which may wait for what the host's mediators wait for.
        if let Some((candidate, body)) = call.first_candidate() {
            exchange.ask(candidate, &body);
            if self.calls.find(handle).is_none() {
                // Its client left meanwhile.
                return Err(Thrown::Handle(handle));
            }
        }
        let first = running.signals.early();
        let ends = EndOfCall(handle);
        let work = async move {
            let _ends = ends;
            let work = AssertUnwindSafe(call.run(&client, &*exchange, first));
            if let Err(panic) = work.catch_unwind().await {
                exchange.broke(panic);
            }
        };
        let task = self.with_tokio(|tokio| tokio.spawn(work))?;
        let _ = running.task.set(task.abort_handle());
        if running.shut_down.load(Ordering::SeqCst) {
            running.shut_down();
        } else if self.calls.find(handle).is_none() {
            // Cancelled before it could be told, or over already.
            task.abort();
        }
        Ok(())
    }

    /// Ends a call. Its handle ends when its task has let go of everything, or now when it has none.
    pub(crate) fn cancel(&'static self, handle: u64) {
        let Some(running) = self.calls.find(handle) else {
            return;
        };
        match running.task.get() {
            Some(task) => task.abort(),
            None => self.end_of_call(handle),
        }
    }

    fn end_of_call(&'static self, handle: u64) {
        self.calls.remove(handle);
        self.rest();
    }

    /// Does something with the runtime, which starts when there is none. Nothing that waits.
    fn with_tokio<T>(&self, work: impl FnOnce(&tokio::runtime::Runtime) -> T) -> Result<T, Thrown> {
        let running = self.tokio.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = running.as_ref() {
            return Ok(work(runtime));
        }
        drop(running);
        let mut running = self.tokio.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = running.as_ref() {
            return Ok(work(runtime));
        }
        let runtime = threads::start().map_err(|e| Thrown::Other(e.to_string()))?;
        // The last tasks of one that has ended can have left connections that ended with it.
        self.clients.renew();
        Ok(work(running.insert(runtime)))
    }

    /// Does something with the runtime, if there is one; whether there is.
    pub(crate) fn if_running(&self, work: impl FnOnce(&tokio::runtime::Runtime)) -> bool {
        let running = self.tokio.read().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().map(work).is_some()
    }

    /// Does something at a deployment that wants to be on the runtime.
    fn inside<T>(&'static self, work: impl FnOnce() -> T) -> Result<T, Thrown> {
        let done = self.with_tokio(|runtime| {
            let _inside = runtime.enter();
            work()
        });
        self.rest();
        done
    }

    /// Whether the threads stay when no call is under way. They do until they are told otherwise; those of a stopped
    /// bundle do not. A call that comes all the same is served, and has threads as long as it needs them.
    pub(crate) fn keep_threads(&'static self, keep: bool) {
        self.rests.store(!keep, Ordering::SeqCst);
        if !keep {
            self.operators.rest();
            self.neighbours.leave(&self.registry);
        }
        self.rest();
    }

    /// Lets the threads of a stopped bundle end, when nothing is under way and nothing comes for a while.
    fn rest(&'static self) {
        if !self.is_idle() || self.lingers.swap(true, Ordering::SeqCst) {
            return;
        }
        let running = self.tokio.read().unwrap_or_else(PoisonError::into_inner);
        match running.as_ref() {
            Some(runtime) => drop(runtime.spawn(async {
                tokio::time::sleep(LINGER).await;
                self.lingers.store(false, Ordering::SeqCst);
                self.end_tokio(|| self.is_idle());
            })),
            None => self.lingers.store(false, Ordering::SeqCst),
        }
    }

    /// Whether the bundle is stopped and no call under way.
    fn is_idle(&self) -> bool {
        self.rests.load(Ordering::SeqCst) && self.calls.len() == 0
    }

    /// Ends the threads, if `still` holds when nobody can put anything on them.
    fn end_tokio(&self, still: impl FnOnce() -> bool) {
        // What is dropped with it may want the lock.
        if let Some(runtime) = self.take_tokio(still) {
            self.end(runtime);
        }
    }

    fn take_tokio(&self, still: impl FnOnce() -> bool) -> Option<tokio::runtime::Runtime> {
        let mut running = self.tokio.write().unwrap_or_else(PoisonError::into_inner);
        if !still() {
            return None;
        }
        self.lingers.store(false, Ordering::SeqCst);
        running.take()
    }

    fn end(&self, tokio: tokio::runtime::Runtime) {
        // Idle connections are nobody's task: a bundle that was replaced would keep them open.
        self.clients.renew();
        tokio.shutdown_background();
    }

    /// Cancels every call that has been started and ends the threads. The next `attach` or `start` starts new ones.
    pub(crate) fn shut_down(&self) {
        self.operators.rest();
        self.neighbours.leave(&self.registry);
        // First: a call that is put on it from now on would end with it, and nobody would be told.
        let ended = self.take_tokio(|| true);
        for (handle, call) in self.calls.all() {
            // One that is only prepared goes on, with threads of its own.
            if call.exchange.get().is_some() {
                // While its handle is open: whoever is at work for it finds it over, and not its handle closed.
                call.shut_down();
                self.calls.remove(handle);
            }
        }
        if let Some(runtime) = ended {
            self.end(runtime);
        }
    }
}

/// Takes a call's handle back when its task ends, however it ends.
struct EndOfCall(u64);

impl Drop for EndOfCall {
    fn drop(&mut self) {
        // It can run because of a panic; a second one must not get out.
        let _ = catch_unwind(|| runtime().end_of_call(self.0));
    }
}
