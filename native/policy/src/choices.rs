//! The values of settings that have a type of their own: a choice between two, a budget.

use crate::value::factor;

/// Who answers while every candidate is suspended (`behaviour.md` §1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenAllSuspended {
    /// One request at a time goes to the candidate whose suspension ends first; the others get a 503.
    Probe,
    /// Every request gets a 503 with Retry-After.
    Reject,
}

impl WhenAllSuspended {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        one_of(text, ("probe", Self::Probe), ("reject", Self::Reject))
    }
}

/// What happens to a stream that breaks after its first useful chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStreamCut {
    /// The next candidate is asked to go on.
    Continue,
    /// The stream ends with the wire format's error event.
    Error,
}

impl OnStreamCut {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        one_of(text, ("continue", Self::Continue), ("error", Self::Error))
    }
}

/// What becomes of a 4xx whose reason is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUnknownRefusal {
    /// The next candidate is tried, and nobody is blamed.
    Next,
    /// The client gets it.
    Return,
}

impl OnUnknownRefusal {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        one_of(text, ("next", Self::Next), ("return", Self::Return))
    }
}

/// How the attempts of a request are written to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AttemptLog {
    /// A line of `name=value`.
    #[default]
    Text,
    /// A JSON object in one line.
    Json,
}

impl AttemptLog {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        one_of(text, ("text", Self::Text), ("json", Self::Json))
    }
}

/// Same-candidate retries allowed: a share of the requests plus a floor per second, per API.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryBudget {
    /// Retries per request, from 0 to 1.
    pub share: f64,
    /// Retries per second that are allowed whatever the traffic.
    pub per_second: f64,
}

impl RetryBudget {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("must be a share, a rate or both, such as \"20% + 1/s\", but is '{text}'");
        let mut out = RetryBudget {
            share: 0.0,
            per_second: 0.0,
        };
        for part in text.split('+').map(str::trim) {
            if let Some(percent) = part.strip_suffix('%') {
                out.share = factor(percent.trim(), 0.0, 100.0).map_err(|_| wrong())? / 100.0;
            } else if let Some(rate) = part.strip_suffix("/s") {
                out.per_second = factor(rate.trim(), 0.0, 1000.0).map_err(|_| wrong())?;
            } else {
                return Err(wrong());
            }
        }
        Ok(out)
    }
}

/// The value of the word that `text` is.
fn one_of<T>(text: &str, first: (&str, T), second: (&str, T)) -> Result<T, String> {
    match text {
        word if word == first.0 => Ok(first.1),
        word if word == second.0 => Ok(second.1),
        _ => Err(format!(
            "must be {} or {}, but is '{text}'",
            first.0, second.0
        )),
    }
}
