//! What the attempts of one request have come to so far.

use std::sync::Arc;

use failover_metrics::CandidateNumbers;
use failover_suspension::Moment;
use tokio::time::Instant;

use crate::attached::AttachedPolicy;
use crate::consequence::Open;
use crate::deadline::Deadline;
use crate::gateway::Gateway;
use crate::judge::Whole;
use crate::outcome::Outcome;
use crate::recording::Recording;
use crate::report::Report;

pub(crate) struct Course {
    pub(crate) started: Instant,
    /// When the last attempt began, by both clocks.
    pub(crate) attempt_started: Instant,
    pub(crate) attempt_began: Moment,
    /// The clock of all attempts together.
    pub(crate) overall: Deadline,
    pub(crate) report: Report,
    pub(crate) recording: Recording,
    /// The candidates that were asked.
    pub(crate) tried: Vec<usize>,
    /// The models that the request is too long for.
    pub(crate) refused_models: Vec<String>,
    pub(crate) answers: Answers,
    pub(crate) last_outcome: Option<(usize, Outcome)>,
    suspicions: Vec<Suspected>,
    /// The places of attempts whose suspicion was confirmed, that the gateway has not been told yet.
    confirmed: Vec<usize>,
}

struct Suspected {
    /// Its place in the report.
    attempt: usize,
    candidate: usize,
    open: Open,
    numbers: Arc<CandidateNumbers>,
    words: String,
}

impl Course {
    pub(crate) fn new(
        attached: &AttachedPolicy,
        recording: Recording,
        overall: Deadline,
        now: Moment,
    ) -> Self {
        Course {
            started: Instant::now(),
            attempt_started: Instant::now(),
            attempt_began: now,
            overall,
            recording,
            report: Report {
                api: attached.api.clone(),
                tenant: attached.scope.tenant.clone(),
                format: attached.policy.settings.attempt_log,
                ..Report::default()
            },
            tried: Vec::new(),
            refused_models: Vec::new(),
            answers: Answers::default(),
            last_outcome: None,
            suspicions: Vec::new(),
            confirmed: Vec::new(),
        }
    }

    pub(crate) fn attempt_begins(&mut self, now: Moment) {
        self.attempt_started = Instant::now();
        self.attempt_began = now;
    }

    /// Tells the gateway of the last attempt, and of those whose candidates were suspended since. `flowing`: its stream
    /// has begun, and more will be told of it.
    pub(crate) fn tell<G: Gateway>(&mut self, gateway: &G, flowing: bool) {
        let attempts = &self.report.attempts;
        for confirmed in self.confirmed.drain(..) {
            gateway.attempted(confirmed + 1, &attempts[confirmed], false, None);
        }
        if let Some(last) = attempts.last() {
            let tokens = self.report.tokens.filter(|_| !flowing);
            gateway.attempted(attempts.len(), last, flowing, tokens);
        }
    }

    /// The last attempt may have failed by its candidate's fault.
    /// `words`: what it was.
    pub(crate) fn suspects(
        &mut self,
        candidate: usize,
        numbers: &Arc<CandidateNumbers>,
        open: Open,
        words: String,
    ) {
        let attempt = self.report.attempts.len().saturating_sub(1);
        self.suspicions.push(Suspected {
            attempt,
            candidate,
            open,
            numbers: Arc::clone(numbers),
            words,
        });
    }

    /// The request is served: what was suspected of others is decided.
    pub(crate) fn served_by(&mut self, candidate: usize, now: Moment) {
        for suspected in self.suspicions.drain(..) {
            if suspected.candidate == candidate {
                continue;
            }
            let suspended = suspected.open.confirm(now);
            if let Some(attempt) = self.report.attempts.get_mut(suspected.attempt) {
                if suspended.is_some() {
                    let words = suspected.words;
                    suspected
                        .numbers
                        .suspended(attempt.outcome.word(), || words);
                    self.confirmed.push(suspected.attempt);
                }
                attempt.suspended = suspended.or(attempt.suspended);
            }
        }
    }

    /// Nobody serves the request.
    pub(crate) fn given_up(&mut self) {
        self.suspicions.clear();
    }
}

/// The answers that can be given to the client.
#[derive(Default)]
pub(crate) struct Answers {
    /// Of those that nobody understood, the first: it is the client's mistake, as likely as not.
    unknown: Option<Whole>,
    last: Option<Whole>,
}

impl Answers {
    /// One of a candidate that others may do better than.
    pub(crate) fn keep(&mut self, outcome: Outcome, answer: Whole) {
        match outcome {
            Outcome::UnknownRefusal => {
                self.unknown.get_or_insert(answer);
            }
            _ => self.last = Some(answer),
        }
    }

    /// The one that the client gets.
    pub(crate) fn choose(&mut self, answer: Whole) {
        self.unknown = None;
        self.last = Some(answer);
    }

    pub(crate) fn take(&mut self) -> Option<Whole> {
        self.unknown.take().or_else(|| self.last.take())
    }
}
