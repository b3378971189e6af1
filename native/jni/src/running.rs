//! A call that Java has a handle for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use failover_executor::{Call, HttpClient};
use once_cell::sync::OnceCell;
use tokio::task::AbortHandle;

use crate::exchange::Exchange;
use crate::signals::{Sent, Signals};

/// A call between `prepare` and its last byte.
pub(crate) struct Running {
    pub(crate) prepared: Mutex<Option<(Box<Call>, HttpClient)>>,
    pub(crate) signals: Arc<Signals>,
    /// Set before the task is spawned, so that whoever ends the call has somebody to tell.
    pub(crate) exchange: OnceCell<Arc<Exchange>>,
    pub(crate) task: OnceCell<AbortHandle>,
    /// Set when the executor is shut down.
    pub(crate) shut_down: AtomicBool,
    /// Whether the exchange was told so.
    told: AtomicBool,
}

impl Running {
    pub(crate) fn new(call: Box<Call>, client: HttpClient, sent: Sent) -> Self {
        let signals = Signals::new(sent, call.rewriting(), call.asked_of());
        Running {
            prepared: Mutex::new(Some((call, client))),
            signals: Arc::new(signals),
            exchange: OnceCell::new(),
            task: OnceCell::new(),
            shut_down: AtomicBool::new(false),
            told: AtomicBool::new(false),
        }
    }

    pub(crate) fn shut_down(&self) {
        self.shut_down.store(true, Ordering::SeqCst);
        if let Some(exchange) = self.exchange.get()
            && !self.told.swap(true, Ordering::SeqCst)
        {
            exchange.shut_down();
        }
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}
