//! What was done for a request.

use std::time::Duration;

use failover_policy::AttemptLog;
use failover_wire::stream::Tokens;

use crate::asking::ContinuationMode;
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
    /// How long it took: the whole answer, or a stream up to its end.
    pub took: Duration,
    /// How long it took until the answer's head was there.
    pub headed: Option<Duration>,
    /// Of a stream: how long it took until its first useful chunk.
    pub first_chunk: Option<Duration>,
    /// Whether it was the probe of a suspended candidate.
    pub probe: bool,
    /// How long the candidate is suspended for because of it.
    pub suspended: Option<Duration>,
    /// Whether it is open whose fault the failure was. What it came to stands in `suspended`.
    pub suspected: bool,
    /// Whether it lifted a suspension.
    pub lifted: bool,
    /// How it was asked to go on with a stream that had broken.
    pub mode: Option<ContinuationMode>,
    /// Of a stream that broke: bytes of text that the client had by then.
    pub delivered: Option<usize>,
}

impl AttemptReport {
    /// What the network or the answer had to say of a failure, beyond its word.
    pub(crate) fn reason(&self) -> Option<String> {
        match self.outcome {
            Outcome::Network(error) => Some(error.to_string()),
            Outcome::NoAnswer(why) => Some(why.to_string()),
            _ => None,
        }
    }
}

/// What the gateway knows a request by, names and values: its ids, and whose it is.
pub type Facts = Vec<(String, String)>;

/// What was done for one request. Never holds bodies or credentials.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The API, as `name:version`.
    pub api: String,
    /// The tenant's domain.
    pub tenant: String,
    /// How it is written.
    pub format: AttemptLog,
    /// The attempts, in order.
    pub attempts: Vec<AttemptReport>,
    /// Candidates that were passed over, with why.
    pub skipped: Vec<(String, String, &'static str)>,
    /// Why nobody went on with a stream that broke.
    pub not_continued: Option<String>,
    /// What a stream says it has used.
    pub tokens: Option<Tokens>,
    /// The status that the client got.
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
