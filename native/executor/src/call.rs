//! One request, from its first attempt to its last byte.
//!
//! A call goes from candidate to candidate: each is *asked*, its attempt is *judged* ([`crate::judge`]), what that
//! means for others is *settled* ([`crate::consequence`]), and one [`Step`] says what comes next. The order matters.
//! A candidate is settled before the next is asked, so that a dead one is not called by those who come meanwhile; a
//! retry is not settled, because a blip is not worth a suspicion; and who served the request is known before the
//! client hears of it, because that is what decides about those who failed it.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use failover_policy::{KeyType, OnStreamCut, Settings, WhenAllSuspended};
use failover_suspension::State;
use failover_wire::ModelRequest;
use failover_wire::stream::Stream;
use once_cell::sync::OnceCell;

use crate::accounting::Accounting;
use crate::asking::{Asking, Way};
use crate::attempt::{Attempt, Attempted};
use crate::body::NoMemory;
use crate::bound::{Bound, Slot, Ticket};
use crate::caught::{caught, caught_now};
use crate::client;
use crate::consequence::{Consequence, Settling, Streaming, fingerprint};
use crate::course::{Answers, Course};
use crate::deadline::{Deadline, Elapsed};
use crate::gateway::{Failure, Gateway, Head, Unusable, Upstream};
use crate::judge::{Judge, Verdict};
use crate::outcome::{GoOn, Outcome};
use crate::relay::{self, Committed, Cut, deliver};
use crate::report::AttemptReport;
use crate::retry::Retries;
use crate::transport::Transport;
use crate::turns::aside;

/// A request that was taken over.
#[derive(Debug)]
pub struct Call {
    bound: Arc<Bound>,
    key_type: KeyType,
    path: String,
    body: Bytes,
    asked: ModelRequest,
    /// Whether a stream's usage is asked for in the client's stead.
    asks_usage: bool,
    first: Option<Ticket>,
    /// What the first candidate will be sent, once that has been asked for.
    first_body: Option<Bytes>,
    fingerprint: OnceCell<u64>,
}

/// Gives each candidate the path with its own model. Outlives the call's preparation, because the gateway asks for
/// it while the call runs.
#[derive(Debug)]
pub struct PathRewriting {
    bound: Arc<Bound>,
    key_type: KeyType,
    asked: ModelRequest,
}

impl PathRewriting {
    /// The path for a candidate; the same path for an index that is none.
    pub fn path_for<'a>(&self, path: &'a str, candidate: usize) -> Cow<'a, str> {
        match self.bound.slots(self.key_type).get(candidate) {
            Some(slot) => self.asked.path_for(path, &slot.model),
            None => Cow::Borrowed(path),
        }
    }
}

/// What comes after an attempt.
enum Step {
    /// Its stream has begun: no other candidate is asked, unless it breaks.
    Committed(Box<Committed>),
    /// The same candidate is asked differently.
    Ask(Asking),
    /// The same candidate is tried again after this wait, unless others have found out meanwhile that it is no use.
    Retry(Duration, Box<Verdict>),
    /// This candidate has had its turn.
    Done(GoOn),
}

/// What the gateway found out about a candidate, and what it will be sent.
type Resolved = (Result<Upstream, Unusable>, Bytes);

impl Call {
    pub(crate) fn new(
        bound: Arc<Bound>,
        key_type: KeyType,
        path: &str,
        body: Bytes,
        asked: ModelRequest,
        first: Option<Ticket>,
    ) -> Self {
        Call {
            // Without a provider nobody would be told of it.
            asks_usage: bound.provider.is_some()
                && bound.policy.settings.count_stream_tokens
                && asked.can_ask_usage(path),
            bound,
            key_type,
            path: path.to_owned(),
            body,
            asked,
            first,
            first_body: None,
            fingerprint: OnceCell::new(),
        }
    }

    /// The candidate that will be called first and what it will be sent, so that the gateway can resolve it before
    /// [`Call::run`]. `None` when none can be named before that.
    pub fn first_candidate(&mut self) -> Option<(usize, Bytes)> {
        if self.first.is_none() {
            self.first = self.probe_early();
        }
        let index = self.first.as_ref()?.index;
        // Without room for it the call says so when it runs.
        let body = self.body_for(index, self.asks_usage_of(index)).ok()?;
        self.first_body = Some(body.clone());
        Some((index, body))
    }

    /// How the candidates' paths differ; `None` when the model is not in the path.
    pub fn rewriting(&self) -> Option<PathRewriting> {
        self.asked.rewrites_path().then(|| PathRewriting {
            bound: Arc::clone(&self.bound),
            key_type: self.key_type,
            asked: self.asked.clone(),
        })
    }

    /// Asked for by failures alone: it takes time.
    fn fingerprint(&self) -> u64 {
        *self.fingerprint.get_or_init(|| fingerprint(&self.body))
    }

    fn settings(&self) -> &Settings {
        &self.bound.policy.settings
    }

    fn slots(&self) -> &[Slot] {
        self.bound.slots(self.key_type)
    }

    fn body_for(&self, index: usize, ask_usage: bool) -> Result<Bytes, NoMemory> {
        let model = &self.slots()[index].model;
        let mut kept = None;
        let mut room = |bytes| {
            let (room, its) = self.bound.share.room(bytes).ok()?;
            kept = Some(its);
            Some(room)
        };
        let body = self
            .asked
            .body_for(&self.body, model, ask_usage, &mut room)
            .ok_or(NoMemory)?;
        Ok(match (body, kept) {
            (Cow::Owned(edited), Some(kept)) => kept.freeze(edited),
            (Cow::Owned(edited), None) => edited.into(),
            (Cow::Borrowed(_), _) => self.body.clone(),
        })
    }

    /// The body for a candidate that is asked in this way, to go on with `broken` if that is there.
    fn body_to_send(
        &self,
        index: usize,
        ask_usage: bool,
        join: Option<(&Stream, Way)>,
    ) -> Result<Bytes, NoMemory> {
        let body = self.body_for(index, ask_usage)?;
        let Some((stream, way)) = join else {
            return Ok(body);
        };
        let mut kept = self.bound.share.kept();
        kept.set(body.len() + stream.delivered())?;
        let Some(prefilled) = way.prefilled(stream, &body) else {
            return Ok(body);
        };
        kept.set(prefilled.len())?;
        Ok(kept.freeze(prefilled))
    }

    fn asks_usage_of(&self, index: usize) -> bool {
        self.asks_usage && !self.slots()[index].refuses_usage.load(Ordering::Relaxed)
    }

    fn accounting(&self) -> Accounting<'_> {
        Accounting {
            provider: self.bound.provider.as_deref(),
            asked: &self.asked,
            path: &self.path,
            counts_streams: self.settings().count_stream_tokens,
        }
    }

    /// With every candidate suspended: the permit for the one whose suspension ends first, if that is set and free.
    fn probe_early(&self) -> Option<Ticket> {
        if self.settings().when_all_suspended != WhenAllSuspended::Probe {
            return None;
        }
        let (_, index) = self.ends_first()?;
        let permit = self.slots()[index].gate.probe_early()?;
        Some(Ticket {
            index,
            permit: Some(permit),
        })
    }

    /// The shortest wait among the suspended candidates, and whose it is.
    fn ends_first(&self) -> Option<(Duration, usize)> {
        let now = self.bound.clock.now();
        self.slots()
            .iter()
            .enumerate()
            .filter_map(|(index, slot)| match slot.gate.state(now) {
                State::Suspended { until } => Some((now.until(until), index)),
                State::Due | State::Probing => Some((Duration::ZERO, index)),
                State::Healthy | State::Suspected | State::Held => None,
            })
            .min()
    }

    /// Makes the attempts and answers through `gateway`. `first` is what the gateway resolved for
    /// [`Call::first_candidate`]. Dropping the future cancels: the connection to the provider is closed, a probe
    /// permit goes back.
    pub async fn run<T: Transport, G: Gateway>(
        mut self,
        transport: &T,
        gateway: &G,
        first: Option<Result<Upstream, Unusable>>,
    ) {
        let overall = Deadline::after(self.settings().overall_timeout);
        let mut course = Course::new(&self.bound.api, overall, self.bound.clock.now());
        let ticket = self.first.take().or_else(|| self.probe_early());
        let first = first.zip(self.first_body.take());
        // In a box of its own: it is large, and a stream goes on for long after it.
        let pursuit = Box::pin(self.pursue(transport, gateway, ticket, first, None, &mut course));
        let committed = pursuit.await;
        if committed.is_none() || self.settings().on_stream_cut == OnStreamCut::Error {
            if committed.is_some() {
                // The stream can still break.
                self.fingerprint();
            }
            // Sent to nobody any more, and the client can take long.
            self.body = Bytes::new();
        }
        if let Some((ticket, committed)) = committed {
            return self
                .stream(transport, gateway, ticket, committed, course)
                .await;
        }
        course.given_up();
        if let Some(answer) = course.answers.take() {
            let mut head = self.head(answer.head, course.report.attempts.len());
            let status = head.status;
            if head.metadata.is_empty() {
                let model = &self.slots()[head.candidate].model;
                let read = || self.accounting().of_answer(model, &answer.body);
                head.metadata = caught_now(gateway, read).unwrap_or_default();
            }
            relay::answer(gateway, head, answer.body).await;
            return self.finish(gateway, course, status);
        }
        let failure = self.failure(&course);
        let status = failure.status;
        gateway.fail(failure);
        self.finish(gateway, course, status);
    }

    fn failure(&self, course: &Course) -> Failure {
        match course.last_outcome {
            Some((index, outcome)) => {
                let model = &self.slots()[index].model;
                client::all_failed(model, index, outcome, course.report.attempts.len())
            }
            None => client::all_suspended(self.ends_first().map(|(wait, _)| wait)),
        }
    }

    /// An answer's head as the client gets it.
    fn head(&self, mut head: Head, attempts: usize) -> Head {
        let slot = &self.slots()[head.candidate];
        let served = self.settings().response_headers.then_some((slot, attempts));
        client::rework(&mut head, served);
        head
    }

    /// Asks one candidate after the other, up to a stream's first useful chunk, which is returned, or to a whole
    /// answer, which `course` keeps. `broken`: the stream that they are to go on with.
    async fn pursue<T: Transport, G: Gateway>(
        &self,
        transport: &T,
        gateway: &G,
        mut next: Option<Ticket>,
        mut first: Option<Resolved>,
        broken: Option<&Stream>,
        course: &mut Course,
    ) -> Option<(Ticket, Committed)> {
        let way = broken.map(|s| aside(self.body.len(), || Way::first(s, &self.body)));
        while let Some(mut ticket) = next {
            let index = ticket.index;
            course.tried.push(index);
            let mut retries = Retries::new(self.settings());
            let mut asking = Asking {
                usage: self.asks_usage_of(index),
                way,
            };
            let go_on = loop {
                course.attempt_begins(self.bound.clock.now());
                let first = first.take();
                let attempt =
                    self.attempt(transport, gateway, index, asking, first, broken, course);
                let attempted = caught(gateway, attempt).await;
                let attempted = attempted.unwrap_or_else(|| Attempted::failed(Outcome::Panicked));
                match self.step(&mut ticket, asking, attempted, &mut retries, course) {
                    Step::Committed(committed) => return Some((ticket, *committed)),
                    Step::Ask(differently) => asking = differently,
                    Step::Retry(wait, verdict) => {
                        tokio::time::sleep(wait).await;
                        let now = self.bound.clock.now();
                        let state = self.slots()[index].gate.state(now);
                        if !matches!(state, State::Healthy | State::Suspected) {
                            let rule = verdict.outcome.rule(self.settings());
                            self.settle(&mut ticket, &verdict, course);
                            break rule.go_on;
                        }
                    }
                    Step::Done(go_on) => break go_on,
                }
            };
            match go_on {
                // The request's fault with one can't be the request's fault after another has begun to answer.
                GoOn::No if broken.is_none() => break,
                GoOn::No | GoOn::Yes => {}
                GoOn::OtherModel => course
                    .refused_models
                    .push(self.slots()[index].model.clone()),
            }
            if course.overall.passed() {
                break;
            }
            next = self.next(course);
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
        let last = !self.another_is_open(course);
        let join = broken.zip(asking.way);
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
            provider: self.bound.provider.as_ref(),
            accounting: self.accounting(),
            judge: self.judge(upstream.own_credential),
            share: &self.bound.share,
            candidate: index,
            model: &self.slots()[index].model,
            deadline: self.deadline(last, course.overall),
            asks_usage: self.asks_usage,
            join,
        };
        attempt.make(transport, upstream, body).await
    }

    fn judge(&self, own_credential: bool) -> Judge<'_> {
        Judge {
            signs: &self.bound.signs,
            request: &self.body,
            own_credential,
            minds_filters: self.settings().failover_on_content_filter,
        }
    }

    /// What comes after an attempt, with its candidate settled and the attempt written down.
    fn step(
        &self,
        ticket: &mut Ticket,
        asking: Asking,
        attempted: Attempted,
        retries: &mut Retries,
        course: &mut Course,
    ) -> Step {
        let Attempted {
            mut verdict,
            committed,
        } = attempted;
        let (index, outcome) = (ticket.index, verdict.outcome);
        let slot = &self.slots()[index];
        let probe = ticket.permit.is_some();
        course.last_outcome = Some((index, outcome));
        let differently = asking.after(outcome, &verdict.evidence);
        let wait = match differently {
            None if !probe => self.wait_before_retry(&verdict, retries, course),
            _ => None,
        };
        if self.asks_usage_of(index) && !asking.usage && outcome == Outcome::Answered {
            // It was the question: a client's own mistake would be refused without it too.
            slot.refuses_usage.store(true, Ordering::Relaxed);
        }
        course.report.attempts.push(AttemptReport {
            model: slot.model.clone(),
            endpoint_id: slot.endpoint_id.clone(),
            outcome,
            status: verdict.answer.as_ref().map(|a| a.head.status.as_u16()),
            took: course.attempt_started.elapsed(),
            probe,
            suspended: None,
            suspected: false,
            lifted: false,
            way: asking.way,
            delivered: None,
        });
        if let Some(differently) = differently {
            return Step::Ask(differently);
        }
        let go_on = outcome.rule(self.settings()).go_on;
        if let Some(answer) = verdict.answer.take() {
            match go_on {
                GoOn::No => course.answers.choose(answer),
                GoOn::Yes | GoOn::OtherModel => course.answers.keep(outcome, answer),
            }
        } else if outcome == Outcome::NoMemory {
            // Another candidate's failure would not be what kept the client from an answer.
            course.answers = Answers::default();
        }
        if let Some(wait) = wait {
            retries.made(wait, verdict.retry_after);
            return Step::Retry(wait, Box::new(verdict));
        }
        self.settle(ticket, &verdict, course);
        if outcome == Outcome::Answered {
            let now = self.bound.clock.now();
            course.served_by(index, now);
            if committed.is_none() {
                slot.gate.answered(now);
            }
        }
        match committed {
            Some(committed) => Step::Committed(Box::new(committed)),
            None => Step::Done(go_on),
        }
    }

    /// Lets a candidate have what follows from its last attempt, and writes that down.
    fn settle(&self, ticket: &mut Ticket, verdict: &Verdict, course: &mut Course) {
        let index = ticket.index;
        let settling = Settling {
            policy: &self.bound.policy,
            clock: self.bound.clock,
            began: course.attempt_began,
            outcome: verdict.outcome,
            hint: verdict.hint,
            request: &|| self.fingerprint(),
        };
        let Consequence {
            suspended,
            lifted,
            suspicion,
        } = settling.settle(&self.slots()[index], ticket);
        if let Some(attempt) = course.report.attempts.last_mut() {
            attempt.suspended = suspended;
            attempt.lifted = lifted;
            attempt.suspected = suspicion.is_some();
        }
        if let Some(open) = suspicion {
            course.suspects(index, open);
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
                .bound
                .budget
                .take(settings.retry_budget, self.bound.clock.now());
        may.then_some(wait)
    }

    /// The next candidate that may be called.
    fn next(&self, course: &Course) -> Option<Ticket> {
        self.bound.admit(self.key_type, |index, slot| {
            self.is_left(course, index, slot)
        })
    }

    fn is_left(&self, course: &Course, index: usize, slot: &Slot) -> bool {
        !course.tried.contains(&index) && !course.refused_models.contains(&slot.model)
    }

    /// Whether another candidate could take over.
    fn another_is_open(&self, course: &Course) -> bool {
        let now = self.bound.clock.now();
        self.slots().iter().enumerate().any(|(index, slot)| {
            self.is_left(course, index, slot)
                && matches!(
                    slot.gate.state(now),
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
        let deadline = Deadline::after(self.bound.policy.request_timeout).min(overall);
        deadline
            .bound(gateway.resolve(index, body))
            .await
            .unwrap_or_else(|Elapsed| Err(Unusable("the gateway did not say in time".to_owned())))
    }

    /// How long an attempt may take.
    fn deadline(&self, last: bool, overall: Deadline) -> Deadline {
        let policy = &self.bound.policy;
        let limit = match policy.settings.first_token_timeout {
            Some(limit) if self.asked.stream() && !last => limit.min(policy.request_timeout),
            _ => policy.request_timeout,
        };
        Deadline::after(limit).min(overall)
    }

    /// Passes a stream on to its end. When it breaks, the next candidate goes on with it.
    async fn stream<T: Transport, G: Gateway>(
        &self,
        transport: &T,
        gateway: &G,
        mut ticket: Ticket,
        mut committed: Committed,
        mut course: Course,
    ) {
        let settings = self.settings();
        let begun = course.report.attempts.len();
        let head = self.head(committed.head().clone(), begun);
        let status = head.status;
        let model = &self.slots()[ticket.index].model;
        let account = |stream: &Stream| {
            caught_now(gateway, || {
                gateway.used(self.accounting().of_stream(model, stream))
            });
        };
        gateway.begin(head);
        let cut = loop {
            let streaming = Streaming::new(&self.slots()[ticket.index], self.bound.clock);
            let own_credential = committed.own_credential();
            let relayed = committed.relay(gateway, settings.idle_timeout, &account);
            let cut = match relayed.await {
                Ok(mut whole) => {
                    drop(streaming);
                    course.report.tokens = whole.stream.tokens();
                    deliver(gateway, whole.stream.ending()).await;
                    self.comment(gateway, &whole.stream, begun, &course).await;
                    whole.stream.account();
                    gateway.end();
                    whole.drain().await;
                    return self.finish(gateway, course, status);
                }
                Err(cut) => *cut,
            };
            let mut verdict = Verdict::of(cut.outcome);
            if let Some(refusal) = &cut.refusal {
                (verdict.outcome, verdict.hint) = self.judge(own_credential).broken_stream(refusal);
            }
            if let Some(end) = course.report.attempts.last_mut() {
                end.outcome = verdict.outcome;
                end.took = course.attempt_started.elapsed();
                end.delivered = Some(cut.stream.delivered());
            }
            if verdict.outcome.is_about_the_request() {
                // The answer's end, as far as this request can have one.
                break cut;
            }
            streaming.broke();
            self.settle(&mut ticket, &verdict, &mut course);
            // After a panic nobody knows how much of what was read the client has.
            if settings.on_stream_cut == OnStreamCut::Error || cut.outcome == Outcome::Panicked {
                break cut;
            }
            let rescue = self.rescue(transport, gateway, &cut.stream, &mut course);
            let rest = caught(gateway, Box::pin(rescue)).await;
            match rest.unwrap_or_else(|| Err("a panic".to_owned())) {
                Ok(next) => {
                    // What this one has used is in what the next one will have.
                    cut.stream.forget();
                    (ticket, committed) = next;
                }
                Err(why) => {
                    course.report.not_continued = Some(why);
                    break cut;
                }
            }
        };
        course.given_up();
        let Cut {
            mut stream, error, ..
        } = cut;
        course.report.tokens = stream.tokens();
        let error = error.filter(|e| !e.is_empty()).or_else(|| {
            let failure = || stream.failure("The model's answer broke off before its end");
            caught_now(gateway, failure).flatten()
        });
        // Whoever has nothing of it yet is never given a part.
        match error.filter(|_| !gateway.is_collected()) {
            Some(error) => {
                deliver(gateway, error).await;
                self.comment(gateway, &stream, begun, &course).await;
                stream.account();
                gateway.end();
            }
            None => {
                stream.account();
                gateway.abort();
            }
        }
        self.finish(gateway, course, status);
    }

    /// Looks for somebody who goes on with a stream that broke.
    ///
    /// # Errors
    /// Why nobody does.
    async fn rescue<T: Transport, G: Gateway>(
        &self,
        transport: &T,
        gateway: &G,
        stream: &Stream,
        course: &mut Course,
    ) -> Result<(Ticket, Committed), String> {
        aside(self.body.len(), || stream.can_go_on(&self.body)).map_err(|why| why.to_string())?;
        // The clock of all attempts ended with the first useful chunk; the rescue has one of its own.
        course.overall = Deadline::after(self.settings().overall_timeout);
        let next = self.next(course);
        self.pursue(transport, gateway, next, None, Some(stream), course)
            .await
            .ok_or_else(|| "no-candidate".to_owned())
    }

    /// Who went on with a stream is said at its end: its headers had gone.
    async fn comment<G: Gateway>(
        &self,
        gateway: &G,
        stream: &Stream,
        begun: usize,
        course: &Course,
    ) {
        let attempts = &course.report.attempts;
        if !self.settings().response_headers || attempts.len() == begun {
            return;
        }
        let text = attempts[begun - 1..]
            .iter()
            .map(|a| format!("{:?} at {:?} {}", a.model, a.endpoint_id, a.outcome.word()))
            .collect::<Vec<_>>()
            .join(", ");
        if let Some(comment) = stream.comment(&format!("failover: {text}")) {
            deliver(gateway, comment).await;
        }
    }

    fn finish<G: Gateway>(&self, gateway: &G, course: Course, status: http::StatusCode) {
        let mut report = course.report;
        report.status = status.as_u16();
        report.took = course.started.elapsed();
        if report.is_notable() {
            let now = self.bound.clock.now();
            let slots = self.slots().iter().enumerate();
            let skipped = slots.filter(|(index, _)| !course.tried.contains(index));
            report.skipped = skipped
                .filter_map(|(_, slot)| {
                    let why = match slot.gate.state(now) {
                        State::Suspended { .. } => "suspended",
                        State::Suspected => "suspected",
                        State::Probing => "probing",
                        State::Held => "held",
                        State::Healthy | State::Due => return None,
                    };
                    Some((slot.model.clone(), slot.endpoint_id.clone(), why))
                })
                .collect();
        }
        gateway.report(&report);
    }
}
