//! What one loaded library holds: the runtime, the clients, the suspension cache, and what Java has handles for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use failover_executor::{
    AttachedPolicy, Call, Failure, Gateway, HttpClient, HttpClients, Network, PathRewriting,
    Registry, Scope,
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

/// How long the threads of a stopped bundle wait for another call, and their connections with them.
const LINGER: Duration = Duration::from_secs(1);

/// A policy of a mediator, before and after it is bound to its API.
pub(crate) enum Attached {
    Read(Arc<Policy>),
    Bound {
        bound: Arc<AttachedPolicy>,
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
    /// Set when the executor is shut down.
    shut_down: AtomicBool,
    /// Whether the exchange was told so.
    told: AtomicBool,
}

impl Running {
    pub(crate) fn new(call: Box<Call>, client: HttpClient) -> Self {
        Running {
            rewriting: call.rewriting(),
            prepared: Mutex::new(Some((call, client))),
            signals: Arc::default(),
            exchange: OnceCell::new(),
            task: OnceCell::new(),
            shut_down: AtomicBool::new(false),
            told: AtomicBool::new(false),
        }
    }

    fn shut_down(&self) {
        self.shut_down.store(true, Ordering::SeqCst);
        self.tell();
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }

    /// Tells the exchange, if there is one yet, that there will be no answer.
    fn tell(&self) {
        if let Some(exchange) = self.exchange.get()
            && !self.told.swap(true, Ordering::SeqCst)
        {
            exchange.fail(failure(
                StatusCode::SERVICE_UNAVAILABLE,
                "The failover executor was shut down",
            ));
        }
    }
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
    /// Held for reading while something is put on it, so that it can't end before that is there.
    runtime: RwLock<Option<Runtime>>,
    /// Set while the bundle is stopped: the threads end when no call is under way.
    rests: AtomicBool,
    lingers: AtomicBool,
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

    pub(crate) fn bound(&self, handle: u64) -> Result<Arc<AttachedPolicy>, Thrown> {
        match self.policies.get(handle).as_deref() {
            Some(Attached::Bound { bound, .. }) => Ok(Arc::clone(bound)),
            _ => Err(Thrown::Handle(handle)),
        }
    }

    pub(crate) fn bind(
        &'static self,
        policy: u64,
        scope: &Scope,
        provider: Option<(Provider, Vec<String>)>,
    ) -> Result<u64, Thrown> {
        let policy = self.policy(policy)?;
        let (provider, warnings) = provider.unzip();
        // The clock and the client's timers belong to the runtime.
        let (client, bound) = self.inside(|| {
            let settings = &policy.settings;
            let client = self
                .clients
                .client(settings.connect_timeout, settings.http2);
            (client, self.registry.attach(policy, scope, provider))
        })?;
        let (client, bound) = (client.map_err(Thrown::Other)?, Arc::new(bound));
        Ok(self.policies.add(Arc::new(Attached::Bound {
            bound,
            client,
            warnings: warnings.unwrap_or_default(),
        })))
    }

    /// Calls providers from now on over the network that was described.
    pub(crate) fn use_network(&'static self, handle: u64) -> Result<Vec<Diagnostic>, Thrown> {
        let network = self.networks.remove(handle).ok_or(Thrown::Handle(handle))?;
        let network = std::mem::take(&mut *network.lock().unwrap_or_else(PoisonError::into_inner));
        self.inside(|| self.clients.use_network(network))
    }

    pub(crate) fn call(&self, handle: u64) -> Result<Arc<Running>, Thrown> {
        self.calls.get(handle).ok_or(Thrown::Handle(handle))
    }

    /// Starts a prepared call. The handle ends with the task. `whole`: its exchange needs whole answers.
    pub(crate) fn start(
        &'static self,
        handle: u64,
        exchange: Arc<Exchange>,
        whole: bool,
    ) -> Result<(), Thrown> {
        let running = self.call(handle)?;
        let prepared = running
            .prepared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let (mut call, client) = prepared.ok_or(Thrown::Handle(handle))?;
        if whole {
            call.collect_streams();
        }
        let first = running.signals.early();
        let _ = running.exchange.set(Arc::clone(&exchange));
        let ends = EndOfCall(handle);
        let work = async move {
            let _ends = ends;
            let work = AssertUnwindSafe(call.run(&client, &*exchange, first));
            if let Err(panic) = work.catch_unwind().await {
                exchange.panicked(panic);
                exchange.fail(failure(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "The failover executor failed; the gateway's log has the details",
                ));
            }
        };
        let task = self.with_runtime(|runtime| runtime.spawn(work))?;
        let _ = running.task.set(task.abort_handle());
        if running.shut_down.load(Ordering::SeqCst) {
            running.shut_down();
        } else if self.calls.get(handle).is_none() {
            // Cancelled before it could be told, or over already.
            task.abort();
        }
        Ok(())
    }

    /// Ends a call. Its handle ends when its task has let go of everything, or now when it has none.
    pub(crate) fn cancel(&'static self, handle: u64) {
        let Some(running) = self.calls.get(handle) else {
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
    fn with_runtime<T>(&self, work: impl FnOnce(&Runtime) -> T) -> Result<T, Thrown> {
        let running = self.runtime.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = running.as_ref() {
            return Ok(work(runtime));
        }
        drop(running);
        let mut running = self.runtime.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = running.as_ref() {
            return Ok(work(runtime));
        }
        let runtime = threads::runtime().map_err(|e| Thrown::Other(e.to_string()))?;
        // The last tasks of one that has ended can have left connections that ended with it.
        self.clients.renew();
        Ok(work(running.insert(runtime)))
    }

    /// Does something at a deployment that wants to be on the runtime.
    fn inside<T>(&'static self, work: impl FnOnce() -> T) -> Result<T, Thrown> {
        let done = self.with_runtime(|runtime| {
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
        self.rest();
    }

    /// Lets the threads of a stopped bundle end, when nothing is under way and nothing comes for a while.
    fn rest(&'static self) {
        if !self.is_idle() || self.lingers.swap(true, Ordering::SeqCst) {
            return;
        }
        let running = self.runtime.read().unwrap_or_else(PoisonError::into_inner);
        match running.as_ref() {
            Some(runtime) => drop(runtime.spawn(async {
                tokio::time::sleep(LINGER).await;
                self.lingers.store(false, Ordering::SeqCst);
                self.end_runtime(|| self.is_idle());
            })),
            None => self.lingers.store(false, Ordering::SeqCst),
        }
    }

    /// Whether the bundle is stopped and no call under way.
    fn is_idle(&self) -> bool {
        self.rests.load(Ordering::SeqCst) && self.calls.len() == 0
    }

    /// Ends the threads, if `still` holds when nobody can put anything on them.
    fn end_runtime(&self, still: impl FnOnce() -> bool) {
        // What is dropped with it may want the lock.
        if let Some(runtime) = self.take_runtime(still) {
            self.end(runtime);
        }
    }

    fn take_runtime(&self, still: impl FnOnce() -> bool) -> Option<Runtime> {
        let mut running = self.runtime.write().unwrap_or_else(PoisonError::into_inner);
        if !still() {
            return None;
        }
        self.lingers.store(false, Ordering::SeqCst);
        running.take()
    }

    fn end(&self, runtime: Runtime) {
        // Idle connections are nobody's task: a bundle that was replaced would keep them open.
        self.clients.renew();
        runtime.shutdown_background();
    }

    /// Cancels every call that has been started and ends the threads. The next `bind` or `start` starts new ones.
    pub(crate) fn shut_down(&self) {
        // First: a call that is put on it from now on would end with it, and nobody would be told.
        let ended = self.take_runtime(|| true);
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
        let _ = catch_unwind(|| engine().end_of_call(self.0));
    }
}
