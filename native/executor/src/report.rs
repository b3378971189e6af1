use std::fmt;
use std::time::Duration;

use failover_wire::stream::{Asked, Stream, Tokens};

use crate::outcome::Outcome;

/// One attempt, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptReport {
    /// The model.
    pub model: String,
    /// The endpoint's id.
    pub endpoint_id: String,
    /// What it came to.
    pub outcome: Outcome,
    /// The provider's status, if it gave one.
    pub status: Option<u16>,
    /// How long it took.
    pub took: Duration,
    /// Whether it was the probe of a suspended candidate.
    pub probe: bool,
    /// How long the candidate is suspended for because of it.
    pub suspended: Option<Duration>,
    /// Whether it lifted a suspension.
    pub lifted: bool,
    /// How it was asked to go on with a stream that had broken.
    pub way: Option<Way>,
    /// Of a stream that broke: bytes of text that the caller had by then.
    pub delivered: Option<usize>,
}

/// A way to ask a candidate for the rest of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// With what the caller has as the beginning of its answer.
    Prefilled,
    /// The same, marked as such.
    Marked,
    /// With the request as it was.
    Again,
}

impl Way {
    pub(crate) fn first(stream: &Stream, request: &[u8]) -> Way {
        match stream.prefilled(request, false) {
            Some(_) => Way::Prefilled,
            None => Way::Again,
        }
    }

    /// The request's body in this way; `None`: as it was.
    pub(crate) fn prefilled(self, stream: &Stream, request: &[u8]) -> Option<Vec<u8>> {
        match self {
            Way::Prefilled => stream.prefilled(request, false),
            Way::Marked => stream.prefilled(request, true),
            Way::Again => None,
        }
    }

    /// What is tried next at a candidate that refused this one. The request itself was good enough for another.
    pub(crate) fn after(self, outcome: Outcome, answer: Option<&[u8]>) -> Option<Way> {
        if outcome != Outcome::CallersFault {
            return None;
        }
        let wants_a_mark = || {
            let text = String::from_utf8_lossy(answer.unwrap_or_default());
            // Mistral's "… or Assistant with prefix True".
            text.to_lowercase().contains("prefix")
        };
        match self {
            Way::Prefilled if wants_a_mark() => Some(Way::Marked),
            Way::Prefilled | Way::Marked => Some(Way::Again),
            Way::Again => None,
        }
    }

    pub(crate) fn asked(self) -> Asked {
        match self {
            Way::Prefilled | Way::Marked => Asked::Prefilled,
            Way::Again => Asked::Again,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Way::Prefilled => "prefill",
            Way::Marked => "prefix",
            Way::Again => "repeat",
        }
    }
}

/// What was done for one request. Never holds bodies or credentials.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The API, as `name:version`.
    pub api: String,
    /// The attempts, in order.
    pub attempts: Vec<AttemptReport>,
    /// Candidates that were passed over, with why.
    pub skipped: Vec<(String, String, &'static str)>,
    /// Why nobody went on with a stream that broke.
    pub not_continued: Option<String>,
    /// What a stream says it has used.
    pub tokens: Option<Tokens>,
    /// The status that the caller got.
    pub status: u16,
    /// From start to end.
    pub took: Duration,
}

impl Report {
    /// Whether an operator should see it without asking for details.
    pub fn is_notable(&self) -> bool {
        self.attempts.len() != 1 || self.attempts[0].outcome != Outcome::Answered
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "api={} status={} took_ms={} attempts={}",
            self.api,
            self.status,
            self.took.as_millis(),
            self.attempts.len()
        )?;
        for (number, a) in self.attempts.iter().enumerate() {
            write!(
                f,
                " #{}[model={:?} endpoint={:?} outcome={}",
                number + 1,
                a.model,
                a.endpoint_id,
                a.outcome.word()
            )?;
            if let Some(status) = a.status {
                write!(f, " status={status}")?;
            }
            match a.outcome {
                Outcome::Network(error) => write!(f, " reason={:?}", error.to_string())?,
                Outcome::NoAnswer(why) => write!(f, " reason={:?}", why.to_string())?,
                _ => {}
            }
            write!(f, " ms={}", a.took.as_millis())?;
            if let Some(way) = a.way {
                write!(f, " continued={}", way.word())?;
            }
            if let Some(delivered) = a.delivered {
                write!(f, " delivered={delivered}")?;
            }
            if a.probe {
                f.write_str(" probe")?;
            }
            if let Some(length) = a.suspended {
                write!(f, " suspended_ms={}", length.as_millis())?;
            }
            if a.lifted {
                f.write_str(" lifted")?;
            }
            f.write_str("]")?;
        }
        if let Some(why) = &self.not_continued {
            write!(f, " not_continued={why}")?;
        }
        if let Some(Tokens {
            prompt, completion, ..
        }) = self.tokens
        {
            write!(f, " tokens={prompt}+{completion}")?;
        }
        for (model, endpoint, why) in &self.skipped {
            write!(f, " skipped[model={model:?} endpoint={endpoint:?} {why}]")?;
        }
        Ok(())
    }
}
