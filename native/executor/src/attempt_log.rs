//! A report as a line of the log: `name=value`, or JSON (docs/attempts.md).

use std::fmt::{self, Write as _};

use failover_policy::AttemptLog;
use failover_wire::stream::Tokens;

use crate::attempt_json;
use crate::report::{AttemptReport, Facts, Report};

impl Report {
    /// The line for the log. `facts` stand beside the API.
    pub fn line(&self, facts: &Facts) -> String {
        match self.format {
            AttemptLog::Text => self.text(facts),
            AttemptLog::Json => attempt_json::line(self, facts),
        }
    }

    fn text(&self, facts: &Facts) -> String {
        let mut line = String::with_capacity(256);
        // A String takes everything.
        let _ = self.write(facts, &mut line);
        line
    }

    fn write(&self, facts: &Facts, f: &mut String) -> fmt::Result {
        write!(f, "api={} tenant={:?}", self.api, self.tenant)?;
        for (name, value) in facts {
            // Quoted: a client may choose some of them.
            write!(f, " {name}={value:?}")?;
        }
        write!(
            f,
            " status={} took_ms={} attempts={}",
            self.status,
            self.took.as_millis(),
            self.attempts.len()
        )?;
        for (number, attempt) in self.attempts.iter().enumerate() {
            write!(f, " #{}[{attempt}]", number + 1)?;
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

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line(&Facts::new()))
    }
}

impl fmt::Display for AttemptReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "model={:?} endpoint={:?} outcome={}",
            self.model,
            self.endpoint_id,
            self.outcome.word()
        )?;
        if let Some(status) = self.status {
            write!(f, " status={status}")?;
        }
        if let Some(reason) = self.reason() {
            write!(f, " reason={reason:?}")?;
        }
        write!(f, " ms={}", self.took.as_millis())?;
        if let Some(headed) = self.headed {
            write!(f, " head_ms={}", headed.as_millis())?;
        }
        if let Some(first) = self.first_chunk {
            write!(f, " first_chunk_ms={}", first.as_millis())?;
        }
        if let Some(mode) = self.mode {
            write!(f, " continued={}", mode.word())?;
        }
        if let Some(delivered) = self.delivered {
            write!(f, " delivered={delivered}")?;
        }
        if self.probe {
            f.write_str(" probe")?;
        }
        match self.suspended {
            Some(length) => write!(f, " suspended_ms={}", length.as_millis())?,
            None if self.suspected => f.write_str(" marked")?,
            None => {}
        }
        if self.lifted {
            f.write_str(" lifted")?;
        }
        Ok(())
    }
}
