use std::fmt;
use std::time::Duration;

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
        for (model, endpoint, why) in &self.skipped {
            write!(f, " skipped[model={model:?} endpoint={endpoint:?} {why}]")?;
        }
        Ok(())
    }
}
