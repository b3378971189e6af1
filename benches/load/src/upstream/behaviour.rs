//! How the upstream answers now, and what has reached it since that was said.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use clap::ValueEnum;
use tokio::sync::watch;

/// How the upstream fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Fault {
    /// It does not.
    None,
    /// Every request gets 503.
    #[value(name = "503")]
    Unavailable,
    /// A connection is reset when a request is there.
    Reset,
    /// Nobody listens, and what was connected is reset.
    Refused,
    /// The certificate is another than the one that is trusted.
    Untrusted,
    /// No request is answered.
    Silent,
}

impl Fault {
    /// Whether connections that are open end when this begins.
    pub(super) fn ends_connections(self) -> bool {
        matches!(self, Fault::Refused | Fault::Untrusted)
    }
}

/// Shared by all connections.
pub(super) struct Behaviour {
    fault: watch::Sender<Fault>,
    state: Mutex<State>,
}

struct State {
    answer: Bytes,
    requests: u64,
    connections: u64,
    first: Option<Instant>,
    second: Option<Instant>,
}

impl Behaviour {
    pub(super) fn new(answer: usize, fault: Fault) -> Self {
        Behaviour {
            fault: watch::Sender::new(fault),
            state: Mutex::new(State {
                answer: body(answer),
                requests: 0,
                connections: 0,
                first: None,
                second: None,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it fails, now and later.
    pub(super) fn faults(&self) -> watch::Receiver<Fault> {
        self.fault.subscribe()
    }

    /// How it fails now.
    pub(super) fn fault(&self) -> Fault {
        *self.fault.borrow()
    }

    /// From now on it fails so; counts begin anew.
    pub(super) fn fail(&self, fault: Fault) {
        self.begin_anew();
        self.fault.send_replace(fault);
    }

    /// From now on answers have so many bytes; counts begin anew.
    pub(super) fn answer_with(&self, bytes: usize) {
        self.begin_anew();
        self.state().answer = body(bytes);
    }

    fn begin_anew(&self) {
        let mut state = self.state();
        (state.requests, state.connections) = (0, 0);
        (state.first, state.second) = (None, None);
    }

    /// A connection was made.
    pub(super) fn connected(&self) {
        self.state().connections += 1;
    }

    /// A request is there; what its answer's body would be.
    pub(super) fn asked(&self) -> Bytes {
        let mut state = self.state();
        state.requests += 1;
        match state.requests {
            1 => state.first = Some(Instant::now()),
            2 => state.second = Some(Instant::now()),
            _ => {}
        }
        state.answer.clone()
    }

    /// `requests,connections,microseconds between the first request and the second`, the last empty without a second.
    pub(super) fn calls(&self) -> String {
        let state = self.state();
        let between = state.second.zip(state.first).map(|(b, a)| b - a);
        let between = between.map_or(String::new(), |d| d.as_micros().to_string());
        format!("{},{},{between}", state.requests, state.connections)
    }
}

/// A chat completion of so many bytes, or as few as it can have.
fn body(bytes: usize) -> Bytes {
    let with = |content: &str| {
        let body = serde_json::json!({
            "id": "chatcmpl-bench",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "gpt-4o",
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": content},
                "finish_reason": "stop",
            }],
            "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21},
        });
        body.to_string()
    };
    let rest = bytes.saturating_sub(with("x").len()) + 1;
    with(&"x".repeat(rest)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_bytes_that_were_asked_for() {
        for bytes in [512, 10_240, 1_048_576] {
            assert_eq!(body(bytes).len(), bytes);
        }
    }

    #[test]
    fn counts_begin_anew_with_another_behaviour() {
        let behaviour = Behaviour::new(512, Fault::None);
        behaviour.connected();
        behaviour.asked();
        assert_eq!(behaviour.calls(), "1,1,");
        behaviour.fail(Fault::Unavailable);
        assert_eq!(behaviour.calls(), "0,0,");
    }
}
