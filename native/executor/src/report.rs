use std::fmt;
use std::time::Duration;

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
    /// How long it took.
    pub took: Duration,
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
            if let Some(mode) = a.mode {
                write!(f, " continued={}", mode.word())?;
            }
            if let Some(delivered) = a.delivered {
                write!(f, " delivered={delivered}")?;
            }
            if a.probe {
                f.write_str(" probe")?;
            }
            match a.suspended {
                Some(length) => write!(f, " suspended_ms={}", length.as_millis())?,
                None if a.suspected => f.write_str(" marked")?,
                None => {}
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
