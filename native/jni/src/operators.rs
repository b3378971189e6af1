//! What operators see and steer: the listener for metrics, as long as it is configured and the bundle runs, and the
//! words in the gateway's log for what they do.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use failover_metrics::{CandidateName, Listener, Operation, Options, Snapshot, Source, Token};
use failover_policy::{Diagnostic, Level, Operating};
use jni::objects::JObject;
use jni::refs::Global;
use jni::signature::{Primitive, ReturnType};
use jni::sys::jvalue;
use jni::{Env, JavaVM, jni_sig, jni_str};

use crate::runtime::runtime;
use crate::threads;

/// For a task to get a thread, before that is as bad as it can be shown to be.
const LAG: Duration = Duration::from_millis(250);

/// The listener, and who writes the gateway's log.
#[derive(Default)]
pub(crate) struct Operators {
    listener: Mutex<Option<Listener>>,
    journal: Mutex<Option<Arc<Global<JObject<'static>>>>>,
}

impl Operators {
    /// Has the listener be as it is configured; what can't be had is said.
    pub(crate) fn listen(&self, operating: &Operating) -> Option<Diagnostic> {
        let wanted = operating.metrics_listen.map(|listen| Options {
            listen,
            token: operating
                .metrics_token
                .as_ref()
                .and_then(|secret| Token::new(secret.reveal().to_owned())),
            drills: operating.metrics_drills,
        });
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        if listener.as_ref().map(Listener::options) == wanted.as_ref() {
            return None;
        }
        // Before the next one, which may want the same port.
        *listener = None;
        let started = Listener::start(wanted?, Arc::new(Gateway));
        match started {
            Ok(started) => {
                *listener = Some(started);
                None
            }
            Err(e) => Some(Diagnostic {
                level: Level::Error,
                field: "apim.ai.model_failover.metrics_listen".to_owned(),
                message: format!("can't be listened at: {e}; the listener is off"),
            }),
        }
    }

    /// Ends the listener, and its connections.
    pub(crate) fn rest(&self) {
        drop(
            self.listener
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }

    /// Where the listener is; empty when there is none.
    pub(crate) fn address(&self) -> String {
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        listener
            .as_ref()
            .map_or(String::new(), |l| l.address().to_string())
    }

    /// Who is told what operators do from now on: an `org.modelfailover.executor.Journal`.
    pub(crate) fn tell(&self, journal: Option<Global<JObject<'static>>>) {
        *self.journal.lock().unwrap_or_else(PoisonError::into_inner) = journal.map(Arc::new);
    }

    pub(crate) fn say(&self, line: &str) {
        let journal = self
            .journal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let (Some(journal), Ok(vm)) = (journal, JavaVM::singleton()) else {
            return;
        };
        // For this line alone: the listener's thread is nobody that the JVM has to wait for.
        threads::attach();
        let _ = vm.attach_current_thread(|env: &mut Env<'_>| -> jni::errors::Result<()> {
            let line = env.new_string(line)?;
            let journal = journal.as_obj();
            let class = env.get_object_class(journal)?;
            let sig = jni_sig!((line: java.lang.String) -> void);
            let say = env.get_method_id(class, jni_str!("say"), sig)?;
            let returns = ReturnType::Primitive(Primitive::Void);
            let args = [jvalue { l: line.as_raw() }];
            // SAFETY: the method is that of the object's own class, and takes one string.
            unsafe { env.call_method_unchecked(journal, say, returns, &args) }?;
            Ok(())
        });
        threads::detach();
    }
}

/// The picture with what is known here alone.
pub(crate) fn snapshot() -> Snapshot {
    let runtime = runtime();
    let mut snapshot = runtime.registry.snapshot();
    let health = &mut snapshot.health;
    health.open_calls = runtime.calls.len() as u64;
    health.handles = (runtime.policies.len() + runtime.attached.len()) as u64;
    health.max_memory = Some(runtime.max_memory()).filter(|limit| *limit != u64::MAX);
    runtime.neighbours.show(&mut snapshot);
    snapshot
}

struct Gateway;

impl Source for Gateway {
    fn snapshot(&self) -> Snapshot {
        let mut snapshot = snapshot();
        let (sender, receiver) = mpsc::channel();
        let asked = Instant::now();
        let runs = runtime().if_running(move |tokio| {
            tokio.spawn(async move {
                let _ = sender.send(asked.elapsed());
            });
        });
        snapshot.health.lag_seconds =
            runs.then(|| receiver.recv_timeout(LAG).unwrap_or(LAG).as_secs_f64());
        snapshot
    }

    fn steer(&self, candidate: &CandidateName, operation: Operation, who: &str) -> bool {
        let runtime = runtime();
        let known = runtime.registry.steer(candidate, operation);
        if known {
            let what = match operation {
                Operation::Hold => "held".to_owned(),
                Operation::Release => "released".to_owned(),
                Operation::Clear => "cleared".to_owned(),
                Operation::Drill { percent: 0, .. } => "relieved of its drill".to_owned(),
                Operation::Drill { length, percent } => format!(
                    "made to fail in {percent} % of its attempts for {} s",
                    length.as_secs()
                ),
            };
            let CandidateName {
                tenant,
                api,
                version,
                endpoint,
                model,
            } = candidate;
            runtime.operators.say(&format!(
                "{tenant} {api}:{version} {model} at {endpoint} was {what} by {who}"
            ));
        }
        known
    }
}
