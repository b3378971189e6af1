//! The provider's own log of its calls: the evidence a test compares a gateway's claims with.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Instant, SystemTime},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;

/// One call, as it arrived and as it was treated.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    /// Rises by one per call, from 1; keeps rising when the log is emptied.
    pub seq: u64,
    /// Arrival of the request's head, RFC 3339 with milliseconds.
    pub time: String,
    /// The same in milliseconds since the provider started, by a monotonic clock.
    pub at_ms: u64,
    /// The provider's name.
    pub provider: String,
    /// The request's method.
    pub method: String,
    /// The request's target, byte for byte as received: path and query, percent-encoded as they came.
    pub path: String,
    /// The model's full name as received, directives included.
    pub model: Option<String>,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// The directives in force for this call, be they from the model's name or from live control.
    pub directives: String,
    /// Header lines in the order and spelling received.
    pub headers: Vec<(String, String)>,
    /// The body, if it is UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The body in Base64, if it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<String>,
    /// What the provider set out to do: `answered 503`, `streamed 200`, `silent`, `reset`, `close`, …
    pub outcome: String,
    /// The accepted socket's number: equal for calls that shared a connection.
    pub connection: u64,
    /// How it ended; `None` while it goes on.
    pub end: Option<End>,
    /// Milliseconds from the request to the caller's early leaving.
    pub client_left_ms: Option<u64>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// The whole answer was handed to the connection.
    Complete,
    /// The provider reset the connection in the middle of its answer.
    Cut,
    /// The provider reset the connection instead of answering.
    Reset,
    /// The provider closed the connection instead of answering.
    Close,
    /// The caller closed the connection first.
    ClientLeft,
    /// The provider was stopped first.
    Stopped,
}

/// What is known of a call when its request has been read.
pub(crate) struct Arrival {
    pub(crate) arrived: Instant,
    pub(crate) time: SystemTime,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) model: Option<String>,
    pub(crate) stream: bool,
    pub(crate) directives: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: bytes::Bytes,
    pub(crate) outcome: String,
    pub(crate) connection: u64,
}

/// The log, in memory and on disk.
#[derive(Debug)]
pub(crate) struct CallLog {
    provider: Arc<str>,
    quiet: bool,
    started: Instant,
    stopped: AtomicBool,
    kept: Mutex<Kept>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Kept {
    last_seq: u64,
    calls: Vec<Call>,
    file: Option<File>,
}

impl Kept {
    fn append(&mut self, line: &impl Serialize) {
        let Some(file) = &mut self.file else { return };
        let written = serde_json::to_vec(line)
            .map_err(io::Error::from)
            .and_then(|mut line| {
                line.push(b'\n');
                file.write_all(&line)
            });
        if let Err(error) = written {
            eprintln!("the call log can't be written, it ends here: {error}");
            self.file = None;
        }
    }
}

impl CallLog {
    /// # Errors
    /// When the log file can't be opened for appending.
    pub(crate) fn open(provider: Arc<str>, quiet: bool, path: Option<&Path>) -> io::Result<Self> {
        let file = path
            .filter(|_| !quiet)
            .map(|path| OpenOptions::new().create(true).append(true).open(path))
            .transpose()?;
        Ok(Self {
            provider,
            quiet,
            started: Instant::now(),
            stopped: AtomicBool::new(false),
            kept: Mutex::new(Kept {
                file,
                ..Kept::default()
            }),
            changed: watch::Sender::new(()),
        })
    }

    pub(crate) fn start(self: &Arc<Self>, arrival: Arrival) -> Running {
        if self.quiet {
            return Running { of: None };
        }
        let (body, body_base64) = match String::from_utf8(arrival.body.to_vec()) {
            Ok(text) => (Some(text), None),
            Err(_) => (None, Some(STANDARD.encode(&arrival.body))),
        };
        let mut kept = self.kept();
        kept.last_seq += 1;
        let call = Call {
            seq: kept.last_seq,
            time: humantime::format_rfc3339_millis(arrival.time).to_string(),
            at_ms: milliseconds(self.started, arrival.arrived),
            provider: self.provider.to_string(),
            method: arrival.method,
            path: arrival.path,
            model: arrival.model,
            stream: arrival.stream,
            directives: arrival.directives,
            headers: arrival.headers,
            body,
            body_base64,
            outcome: arrival.outcome,
            connection: arrival.connection,
            end: None,
            client_left_ms: None,
        };
        let seq = call.seq;
        kept.append(&call);
        kept.calls.push(call);
        drop(kept);
        self.changed.send_replace(());
        Running {
            of: Some((Arc::clone(self), seq, arrival.arrived)),
        }
    }

    fn end(&self, seq: u64, arrived: Instant, end: End) {
        let end = match end {
            End::ClientLeft if self.stopped.load(Ordering::Relaxed) => End::Stopped,
            end => end,
        };
        let now = Instant::now();
        let left = (end == End::ClientLeft).then(|| milliseconds(arrived, now));
        let mut kept = self.kept();
        kept.append(&json!({
            "seq": seq,
            "end": end,
            "at_ms": milliseconds(self.started, now),
            "client_left_ms": left,
        }));
        if let Ok(at) = kept.calls.binary_search_by_key(&seq, |call| call.seq) {
            kept.calls[at].end = Some(end);
            kept.calls[at].client_left_ms = left;
        }
        drop(kept);
        self.changed.send_replace(());
    }

    /// The calls kept, oldest first; of one model only, if one is named.
    pub(crate) fn calls(&self, model: Option<&str>) -> Vec<Call> {
        let kept = self.kept();
        let calls = kept.calls.iter();
        calls
            .filter(|call| model.is_none() || call.model.as_deref() == model)
            .cloned()
            .collect()
    }

    pub(crate) fn clear(&self) {
        self.kept().calls.clear();
        self.changed.send_replace(());
    }

    pub(crate) async fn wait_for<T>(&self, mut found: impl FnMut(&[Call]) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(found) = found(&self.kept().calls) {
                return found;
            }
            if changed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Calls that end from here on were not left by their callers.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn milliseconds(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_millis()).unwrap_or(u64::MAX)
}

/// A call that goes on. hyper drops a handler, or the body it sends, when the caller leaves; so one that is dropped before
/// it was told an end was left by its caller.
#[derive(Debug)]
pub(crate) struct Running {
    of: Option<(Arc<CallLog>, u64, Instant)>,
}

impl Running {
    pub(crate) fn end(&mut self, end: End) {
        if let Some((log, seq, arrived)) = self.of.take() {
            log.end(seq, arrived, end);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end(End::ClientLeft);
    }
}
