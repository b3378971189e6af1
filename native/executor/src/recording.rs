//! Writes down in the numbers what a request and its attempts come to, as it comes: a stream's attempt at the stream's
//! end. What is dropped before its end was cancelled.

use std::sync::Arc;
use std::time::Duration;

use failover_metrics::{
    ApiNumbers, Attempting, CandidateNumbers, Ended, Requesting, Served, TraceId,
};
use failover_suspension::Moment;

use crate::clock::Clock;
use crate::judge::Verdict;
use crate::outcome::Outcome;
use crate::report::AttemptReport;

/// The numbers of one request.
pub(crate) struct Recording {
    requesting: Option<Requesting>,
    attempting: Option<Attempting>,
    trace: Option<TraceId>,
}

impl Recording {
    pub(crate) fn new(api: &Arc<ApiNumbers>, trace: Option<TraceId>) -> Self {
        Recording {
            requesting: Some(api.begin()),
            attempting: None,
            trace,
        }
    }

    /// An attempt begins.
    pub(crate) fn begins(&mut self, candidate: &Arc<CandidateNumbers>) {
        self.attempting = Some(Attempting::new(candidate));
    }

    /// It has taken so long, to a stream's first useful chunk if it is one.
    pub(crate) fn took(&self, duration: Duration, stream: bool, began: Moment) {
        if let Some(attempting) = &self.attempting {
            let now = began.plus(duration);
            attempting.took(duration, stream, now.0, self.trace);
        }
    }

    /// It is over.
    pub(crate) fn ends(&mut self, verdict: &Verdict, clock: Clock) {
        if let Some(attempting) = self.attempting.take() {
            let outcome = verdict.outcome;
            let status = verdict.answer.as_ref().map(|a| a.head.status.as_u16());
            if verdict.hint.is_some() && outcome != Outcome::Answered {
                attempting.candidate().hinted();
            }
            attempting.end(&Ended {
                word: outcome.word(),
                good: outcome.speaks_for_candidate(),
                millis: clock.now().0,
                words: &|| in_words(verdict, status),
            });
        }
    }

    /// It was a stream, which is whole.
    pub(crate) fn answered(&mut self, clock: Clock) {
        self.ends(&Verdict::of(Outcome::Answered), clock);
    }

    /// A candidate serves the request, after others have taken so long.
    pub(crate) fn delayed(&self, delay: Duration) {
        if let Some(requesting) = &self.requesting {
            requesting.api().delays.record(delay, self.trace);
        }
    }

    /// The request is over. `last`: its last attempt, at the candidate with this index.
    pub(crate) fn over(&mut self, last: Option<(usize, &AttemptReport)>) {
        let served = match last.map(|(index, attempt)| (index, attempt.outcome)) {
            Some((0, Outcome::Answered)) => Served::Answered,
            Some((_, Outcome::Answered)) => Served::FellOver,
            Some((_, outcome)) if outcome.speaks_for_candidate().is_none() => Served::Refused,
            _ => Served::Failed,
        };
        if let Some(requesting) = self.requesting.take() {
            requesting.end(served);
        }
    }
}

/// A failure in words, with the status that the provider gave: no word of the client's or the provider's.
pub(crate) fn in_words(verdict: &Verdict, status: Option<u16>) -> String {
    let outcome = verdict.outcome;
    let mut words = match (status, outcome) {
        (Some(status), Outcome::Answered) => format!("{status}, and nothing is left of a limit"),
        (Some(status), _) => format!("{status}: {}", outcome.word()),
        (None, Outcome::Answered) => "a stream, and nothing is left of a limit".to_owned(),
        (None, _) => outcome.explained(),
    };
    if let Some(hint) = verdict.hint {
        let seconds = hint.as_millis().div_ceil(1000);
        words.push_str(&format!(", asked to come back in {seconds} s"));
    }
    words
}
