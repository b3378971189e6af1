//! How a candidate is asked, where that differs from what the client sent: for a stream's usage, and to go on with an
//! answer that broke off. A candidate that refuses what was altered is asked once more, with less of it altered.

use failover_wire::refusal::Evidence;
use failover_wire::stream::{Continuation, Stream};

use crate::outcome::Outcome;

/// How a candidate is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asking {
    /// Whether a stream's usage is asked for in the client's stead.
    pub(crate) usage: bool,
    /// How it is asked to go on.
    pub(crate) mode: Option<ContinuationMode>,
}

impl Asking {
    /// How a candidate is asked that refused to be asked like this; `None`: it is not asked again.
    pub(crate) fn after(self, outcome: Outcome, evidence: &Evidence) -> Option<Asking> {
        // OpenAI's "Unrecognized request argument", Mistral's "extra_forbidden" name the field, whatever else they seem
        // to say; others say only that something is wrong.
        let usage_refused = evidence.names(&["stream_options", "include_usage"])
            || outcome.is_refusal() && evidence.names_no_parameter() && self.mode.is_none();
        if self.usage && usage_refused {
            return Some(Asking {
                usage: false,
                ..self
            });
        }
        if !outcome.is_refusal() {
            return None;
        }
        let mode = self.mode?.after(evidence)?;
        Some(Asking {
            mode: Some(mode),
            ..self
        })
    }
}

/// A way to ask a candidate for the rest of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContinuationMode {
    /// With what the client has as the beginning of its answer.
    Prefilled,
    /// The same, marked as such.
    Marked,
    /// With the request as it was.
    Again,
}

impl ContinuationMode {
    pub(crate) fn first(stream: &Stream, request: &[u8]) -> ContinuationMode {
        match stream.prefilled(request, false) {
            Some(_) => ContinuationMode::Prefilled,
            None => ContinuationMode::Again,
        }
    }

    /// The request's body in this way; `None`: as it was.
    pub(crate) fn prefilled(self, stream: &Stream, request: &[u8]) -> Option<Vec<u8>> {
        match self {
            ContinuationMode::Prefilled => stream.prefilled(request, false),
            ContinuationMode::Marked => stream.prefilled(request, true),
            ContinuationMode::Again => None,
        }
    }

    /// What is tried next at a candidate that refused this one. The request itself was good enough for another.
    fn after(self, evidence: &Evidence) -> Option<ContinuationMode> {
        match self {
            // Mistral's "… or Assistant with prefix True".
            ContinuationMode::Prefilled if evidence.names(&["prefix"]) => {
                Some(ContinuationMode::Marked)
            }
            ContinuationMode::Prefilled | ContinuationMode::Marked => Some(ContinuationMode::Again),
            ContinuationMode::Again => None,
        }
    }

    pub(crate) fn continuation(self) -> Continuation {
        match self {
            ContinuationMode::Prefilled | ContinuationMode::Marked => Continuation::Prefilled,
            ContinuationMode::Again => Continuation::Again,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            ContinuationMode::Prefilled => "prefill",
            ContinuationMode::Marked => "prefix",
            ContinuationMode::Again => "repeat",
        }
    }
}

#[cfg(test)]
mod tests;
