//! From candidate to candidate: each is *asked*, its attempt is *judged* ([`crate::judge`]), what that means for others
//! is *settled* ([`crate::consequence`]), and one [`Step`] says what comes next. The order matters. A candidate is
//! settled before the next is asked, so that a dead one is not called by those who come meanwhile; a retry is not
//! settled, because a blip is not worth a suspicion; and who served the request is known before the client hears of
//! it, because that is what decides about those who failed it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use failover_metrics::Probe;
use failover_suspension::State;
use failover_wire::stream::Stream;

use crate::asking::{Asking, ContinuationMode};
use crate::attempt::{Attempt, Attempted};
use crate::body::NoMemory;
use crate::call::Call;
use crate::candidate::{Admitted, CandidateState};
use crate::caught::caught;
use crate::consequence::{Consequence, Settling};
use crate::course::{Answers, Course};
use crate::deadline::{Deadline, Elapsed};
use crate::gateway::{Gateway, Unusable};
use crate::judge::Verdict;
use crate::outcome::{Next, Outcome};
use crate::recording::in_words;
use crate::relay::Committed;
use crate::report::AttemptReport;
use crate::retry::Retries;
use crate::transport::Transport;
use crate::turns::aside;
use crate::upstream::Upstream;

/// What comes after an attempt.
enum Step {
    /// Its stream has begun: no other candidate is asked, unless it breaks.
    Committed(Box<Committed>),
    /// The same candidate is asked differently.
    Ask(Asking),
    /// The same candidate is tried again after this wait, unless others have found out meanwhile that it is no use.
    Retry(Duration, Box<Verdict>),
    /// This candidate has had its turn.
    Done(Next),
}

/// What the gateway found out about a candidate, and what it will be sent.
type Resolved = (Result<Upstream, Unusable>, Bytes);

impl Call {
    /// Asks one candidate after the other, up to a stream's first useful chunk, which is returned, or to a whole
    /// answer, which `course` keeps. `broken`: the stream that they are to go on with.
    pub(crate) async fn pursue<T: Transport, G: Gateway>(
        &self,
        transport: &T,
        gateway: &G,
        mut next: Option<Admitted>,
        mut first: Option<Resolved>,
        broken: Option<&Stream>,
        course: &mut Course,
    ) -> Option<(Admitted, Committed)> {
        let mode =
            broken.map(|s| aside(self.body.len(), || ContinuationMode::first(s, &self.body)));
        while let Some(mut admitted) = next {
            let index = admitted.index;
            course.tried.push(index);
            let mut retries = Retries::new(self.settings());
            let mut asking = Asking {
                usage: self.asks_usage_of(index),
                mode,
            };
            let go_on = loop {
                course.attempt_begins(self.attached.clock.now());
                course.recording.begins(&self.candidates()[index].numbers);
                let first = first.take();
                let attempt =
                    self.attempt(transport, gateway, index, asking, first, broken, course);
                let attempted = caught(gateway, attempt).await;
                let attempted = attempted.unwrap_or_else(|| Attempted::failed(Outcome::Panicked));
                let step = self.step(&mut admitted, asking, attempted, &mut retries, course);
                course.tell(gateway, matches!(step, Step::Committed(_)));
                match step {
                    Step::Committed(committed) => return Some((admitted, *committed)),
                    Step::Ask(differently) => asking = differently,
                    Step::Retry(wait, verdict) => {
                        tokio::time::sleep(wait).await;
                        let now = self.attached.clock.now();
                        let state = self.candidates()[index].gate.state(now);
                        if !matches!(state, State::Healthy | State::Suspected) {
                            let rule = verdict.outcome.rule(self.settings());
                            self.settle(&mut admitted, &verdict, course);
                            break rule.next;
                        }
                    }
                    Step::Done(go_on) => break go_on,
                }
            };
            let go_on = match go_on {
                // The request's fault with one can't be the request's fault after another has begun to answer.
                Next::No if broken.is_some() => Next::Yes,
                go_on => go_on,
            };
            next = self.next_after(index, go_on, course);
        }
        None
    }

    /// One attempt at a candidate. `first`: what the gateway has found out already.
    #[allow(clippy::too_many_arguments)]
    async fn attempt<T: Transport, G: Gateway>(
        &self,
        transport: &T,
        gateway: &G,
        index: usize,
        asking: Asking,
        first: Option<Resolved>,
        broken: Option<&Stream>,
        course: &Course,
    ) -> Attempted {
        if let Some(outcome) = self.candidates()[index].rehearsed(self.attached.clock) {
            return Attempted::failed(outcome);
        }
        let limit = self.attempt_limit(course);
        let join = broken.zip(asking.mode);
        let (upstream, body) = match first {
            Some(first) => first,
            None => match aside(self.body.len(), || {
                self.body_to_send(index, asking.usage, join)
            }) {
                Ok(body) => {
                    let upstream = self.resolve(gateway, index, &body, course.overall).await;
                    (upstream, body)
                }
                Err(NoMemory) => return Attempted::failed(Outcome::NoMemory),
            },
        };
        let Ok(upstream) = upstream else {
            return Attempted::failed(Outcome::Unusable);
        };
        let attempt = Attempt {
            settings: self.settings(),
            provider: self.attached.provider.as_ref(),
            accounting: self.accounting(),
            judge: self.judge(upstream.own_credential),
            share: &self.attached.share,
            candidate: index,
            model: &self.candidates()[index].model,
            deadline: Deadline::after(limit).min(course.overall),
            asks_usage: self.asks_usage,
            join,
        };
        attempt.make(transport, upstream, body).await
    }

    /// What comes after an attempt, with its candidate settled and the attempt written down.
    fn step(
        &self,
        admitted: &mut Admitted,
        asking: Asking,
        attempted: Attempted,
        retries: &mut Retries,
        course: &mut Course,
    ) -> Step {
        let Attempted {
            mut verdict,
            committed,
            headed,
        } = attempted;
        let (index, outcome) = (admitted.index, verdict.outcome);
        let candidate = &self.candidates()[index];
        let probe = admitted.permit.is_some();
        course.last_outcome = Some((index, outcome));
        let differently = asking.after(outcome, &verdict.evidence);
        let wait = match differently {
            None if !probe => self.wait_before_retry(&verdict, retries, course),
            _ => None,
        };
        if self.asks_usage_of(index) && !asking.usage && outcome == Outcome::Answered {
            // It was the question: a client's own mistake would be refused without it too.
            candidate.refuses_usage.store(true, Ordering::Relaxed);
        }
        let took = course.attempt_started.elapsed();
        course
            .recording
            .took(took, committed.is_some(), course.attempt_began);
        if committed.is_none() {
            course.recording.ends(&verdict, self.attached.clock);
        }
        course.report.attempts.push(AttemptReport {
            model: candidate.model.clone(),
            endpoint_id: candidate.endpoint_id.clone(),
            outcome,
            status: verdict.answer.as_ref().map(|a| a.head.status.as_u16()),
            took,
            headed,
            first_chunk: committed.is_some().then_some(took),
            probe,
            suspended: None,
            suspected: false,
            lifted: false,
            mode: asking.mode,
            delivered: None,
        });
        if let Some(differently) = differently {
            return Step::Ask(differently);
        }
        let go_on = outcome.rule(self.settings()).next;
        if let Some(answer) = verdict.answer.take() {
            match go_on {
                Next::No => course.answers.choose(answer),
                Next::Yes | Next::OtherModel => course.answers.keep(outcome, answer),
            }
        } else if outcome == Outcome::NoMemory {
            // Another candidate's failure would not be what kept the client from an answer.
            course.answers = Answers::default();
        }
        if let Some(wait) = wait {
            retries.made(wait, verdict.retry_after);
            return Step::Retry(wait, Box::new(verdict));
        }
        self.settle(admitted, &verdict, course);
        if outcome == Outcome::Answered {
            if course.report.attempts.len() > 1 {
                let delay = course.attempt_started - course.started;
                course.recording.delayed(delay);
            }
            let now = self.attached.clock.now();
            course.served_by(index, now);
            if committed.is_none() {
                candidate.gate.answered(now);
            }
        }
        match committed {
            Some(committed) => Step::Committed(Box::new(committed)),
            None => Step::Done(go_on),
        }
    }

    /// Lets a candidate have what follows from its last attempt, and writes that down.
    pub(crate) fn settle(&self, admitted: &mut Admitted, verdict: &Verdict, course: &mut Course) {
        let index = admitted.index;
        let numbers = &self.candidates()[index].numbers;
        let probes = admitted.permit.is_some();
        let settling = Settling {
            policy: &self.attached.policy,
            clock: self.attached.clock,
            began: course.attempt_began,
            outcome: verdict.outcome,
            hint: verdict.hint,
            request: &|| self.fingerprint(),
        };
        let Consequence {
            suspended,
            lifted,
            suspicion,
        } = settling.settle(&self.candidates()[index], admitted);
        if let Some(attempt) = course.report.attempts.last_mut() {
            attempt.suspended = suspended;
            attempt.lifted = lifted;
            attempt.suspected = suspicion.is_some();
        }
        let status = course.report.attempts.last().and_then(|a| a.status);
        if probes {
            numbers.probed(match (lifted, suspended) {
                (true, _) => Probe::Succeeded,
                (false, Some(_)) => Probe::Failed,
                (false, None) => Probe::Undecided,
            });
        }
        if suspended.is_some() {
            numbers.suspended(verdict.outcome.word(), || in_words(verdict, status));
        }
        if let Some(open) = suspicion {
            course.suspects(index, numbers, open, in_words(verdict, status));
        }
    }

    /// How long to wait before the same candidate is tried again; `None`: it is not.
    fn wait_before_retry(
        &self,
        verdict: &Verdict,
        retries: &Retries,
        course: &Course,
    ) -> Option<Duration> {
        let settings = self.settings();
        // Judged now, not when the attempt began: the others can have failed meanwhile.
        let last = !self.another_is_open(course);
        let wait = retries.wait(settings, verdict.outcome, verdict.retry_after, last)?;
        let may = wait < course.overall.remaining()
            && self
                .attached
                .budget
                .take(settings.retry_budget, self.attached.clock.now());
        let numbers = &self.attached.numbers;
        match may {
            true => numbers.retried(),
            false => numbers.retry_refused(),
        }
        may.then_some(wait)
    }

    /// The candidate that is asked after one that has had its turn.
    pub(crate) fn next_after(
        &self,
        index: usize,
        go_on: Next,
        course: &mut Course,
    ) -> Option<Admitted> {
        match go_on {
            Next::No => return None,
            Next::Yes => {}
            Next::OtherModel => course
                .refused_models
                .push(self.candidates()[index].model.clone()),
        }
        if course.overall.passed() {
            return None;
        }
        self.next(course)
    }

    /// The next candidate that may be called.
    pub(crate) fn next(&self, course: &Course) -> Option<Admitted> {
        self.attached.admit(self.key_type, |index, candidate| {
            self.is_left(course, index, candidate)
        })
    }

    fn is_left(&self, course: &Course, index: usize, candidate: &CandidateState) -> bool {
        !course.tried.contains(&index)
            && !self.left_out.contains(&index)
            && !course.refused_models.contains(&candidate.model)
    }

    /// Whether another candidate could take over.
    fn another_is_open(&self, course: &Course) -> bool {
        let now = self.attached.clock.now();
        self.candidates()
            .iter()
            .enumerate()
            .any(|(index, candidate)| {
                self.is_left(course, index, candidate)
                    && matches!(
                        candidate.gate.admits(now),
                        State::Healthy | State::Suspected | State::Due
                    )
            })
    }

    /// Asks the gateway for a candidate's URL and credentials, for no longer than an attempt may take.
    async fn resolve<G: Gateway>(
        &self,
        gateway: &G,
        index: usize,
        body: &Bytes,
        overall: Deadline,
    ) -> Result<Upstream, Unusable> {
        let deadline = Deadline::after(self.attached.policy.request_timeout).min(overall);
        deadline
            .bound(gateway.resolve(index, body))
            .await
            .unwrap_or_else(|Elapsed| Err(Unusable("the gateway did not say in time".to_owned())))
    }

    /// How long an attempt may take.
    fn attempt_limit(&self, course: &Course) -> Duration {
        let policy = &self.attached.policy;
        match policy.settings.first_token_timeout {
            Some(limit) if self.asked.stream() && self.another_is_open(course) => {
                limit.min(policy.request_timeout)
            }
            _ => policy.request_timeout,
        }
    }
}
