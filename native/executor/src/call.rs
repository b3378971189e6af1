//! One request, from its first attempt to its last byte.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use failover_policy::{OnStreamCut, Stage, WhenAllSuspended};
use failover_suspension::{State, hint};
use failover_wire::answer::{self, is_amazon_event_stream, is_event_stream};
use failover_wire::provider::Observed;
use failover_wire::reason;
use failover_wire::stream::Stream;
use failover_wire::{Asked, Reason};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tokio::time::Instant;

use crate::body::{NoMemory, collect};
use crate::bound::{Bound, Refusal, Slot, Ticket};
use crate::caught::{caught, caught_now};
use crate::deadline::{Deadline, Elapsed};
use crate::gateway::{Failure, Gateway, Head, Metadata, Unusable, Upstream};
use crate::outcome::{GoOn, Outcome};
use crate::relay::{self, Committed, Cut, Relay, deliver};
use crate::report::{AttemptReport, Report, Way};
use crate::sendable;
use crate::transport::{Answer, NetError, Transport};
use crate::turns::aside;

/// Host error codes, in the range that its analytics class as target connectivity (101500 to 101599, and 303001).
mod code {
    pub(super) const BROKEN: u32 = 101_500;
    pub(super) const NO_CONNECTION: u32 = 101_503;
    pub(super) const TIMEOUT: u32 = 101_504;
    /// None of the host's own.
    pub(super) const NO_MEMORY: u32 = 101_590;
    pub(super) const SUSPENDED: u32 = 303_001;
}

/// A request that was taken over.
#[derive(Debug)]
pub struct Call {
    bound: Arc<Bound>,
    stage: Stage,
    path: String,
    body: Bytes,
    asked: Asked,
    /// Whether a stream's usage is asked for in the caller's stead.
    asks_usage: bool,
    first: Option<Ticket>,
    /// What the first candidate will be sent, once that has been asked for.
    first_body: Option<Bytes>,
}

/// The tries on one candidate after the first.
struct Retries {
    made: u32,
    /// Longest wait before the next one.
    backoff: Duration,
    /// How long its own Retry-After has been waited out in all.
    waited_out: Duration,
}

impl Retries {
    fn new(backoff: Duration) -> Self {
        Retries {
            made: 0,
            backoff,
            waited_out: Duration::ZERO,
        }
    }
}

/// Gives each candidate the path with its own model. Outlives the call's preparation, because the gateway asks for
/// it while the call runs.
#[derive(Debug)]
pub struct PathRewriting {
    bound: Arc<Bound>,
    stage: Stage,
    asked: Asked,
}

impl PathRewriting {
    /// The path for a candidate; the same path for an index that is none.
    pub fn path_for<'a>(&self, path: &'a str, candidate: usize) -> Cow<'a, str> {
        match self.bound.slots(self.stage).get(candidate) {
            Some(slot) => self.asked.path_for(path, &slot.model),
            None => Cow::Borrowed(path),
        }
    }
}

/// What an attempt left behind.
struct Attempted {
    outcome: Outcome,
    /// The provider's whole answer, if it gave one.
    answer: Option<Whole>,
    /// What its headers and body say about when to come back.
    hint: Option<Duration>,
    /// Retry-After alone.
    retry_after: Option<Duration>,
    /// A stream whose first useful chunk has come.
    committed: Option<Committed>,
}

impl Attempted {
    fn failed(outcome: Outcome) -> Self {
        Attempted {
            outcome,
            answer: None,
            hint: None,
            retry_after: None,
            committed: None,
        }
    }
}

/// What the attempts so far have come to.
struct Course {
    started: Instant,
    attempt_started: Instant,
    /// The clock of all attempts together.
    overall: Deadline,
    report: Report,
    refused_models: Vec<String>,
    last_answer: Option<Whole>,
    last_outcome: Option<(usize, Outcome)>,
}

impl Course {
    fn new(bound: &Bound) -> Self {
        Course {
            started: Instant::now(),
            attempt_started: Instant::now(),
            overall: Deadline::after(bound.policy.settings.overall_timeout),
            report: Report {
                api: bound.api.clone(),
                ..Report::default()
            },
            refused_models: Vec::new(),
            last_answer: None,
            last_outcome: None,
        }
    }
}

struct Whole {
    head: Head,
    body: Bytes,
}

impl Call {
    pub(crate) fn new(
        bound: Arc<Bound>,
        stage: Stage,
        path: &str,
        body: Bytes,
        asked: Asked,
        first: Option<Ticket>,
    ) -> Self {
        Call {
            // Without a provider nobody would be told of it.
            asks_usage: bound.provider.is_some()
                && bound.policy.settings.count_stream_tokens
                && asked.can_ask_usage(path),
            bound,
            stage,
            path: path.to_owned(),
            body,
            asked,
            first,
            first_body: None,
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
            stage: self.stage,
            asked: self.asked.clone(),
        })
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

    /// The body for a candidate that is to go on with a stream in this way.
    fn body_to_go_on(
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

    fn slots(&self) -> &[Slot] {
        self.bound.slots(self.stage)
    }

    /// With every candidate suspended: the permit for the one whose suspension ends first, if that is set and free.
    fn probe_early(&self) -> Option<Ticket> {
        if self.bound.policy.settings.when_all_suspended != WhenAllSuspended::Probe {
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
                State::Healthy | State::Held => None,
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
        let mut course = Course::new(&self.bound);
        let ticket = self.first.take().or_else(|| self.probe_early());
        let first = first.zip(self.first_body.take());
        // In a box of its own: it is large, and a stream goes on for long after it.
        let committed =
            Box::pin(self.pursue(transport, gateway, ticket, first, None, &mut course)).await;
        if committed.is_none() || self.bound.policy.settings.on_stream_cut == OnStreamCut::Error {
            // Sent to nobody any more, and the caller can take long.
            self.body = Bytes::new();
        }
        if let Some((ticket, committed)) = committed {
            return self
                .stream(transport, gateway, ticket, committed, course)
                .await;
        }
        if let Some(answer) = course.last_answer.take() {
            let mut head = self.head(answer.head, course.report.attempts.len());
            let status = head.status;
            if head.metadata.is_empty() {
                let read = caught_now(gateway, || self.metadata(&head, &answer.body));
                head.metadata = read.unwrap_or_default();
            }
            relay::answer(gateway, head, answer.body).await;
            return self.finish(gateway, course, status);
        }
        let failure = match course.last_outcome {
            Some((index, outcome)) => self.failure(index, outcome, course.report.attempts.len()),
            None => self.all_suspended(),
        };
        let status = failure.status;
        gateway.fail(failure);
        self.finish(gateway, course, status);
    }

    /// Calls one candidate after the other, up to a stream's first useful chunk, which is returned, or to a whole
    /// answer, which `course` keeps. `broken`: the stream that they are to go on with.
    async fn pursue<T: Transport, G: Gateway>(
        &self,
        transport: &T,
        gateway: &G,
        mut next: Option<Ticket>,
        mut first: Option<(Result<Upstream, Unusable>, Bytes)>,
        broken: Option<&Stream>,
        course: &mut Course,
    ) -> Option<(Ticket, Committed)> {
        let settings = &self.bound.policy.settings;
        let first_way = broken.map(|stream| Way::first(stream, &self.body));
        while let Some(mut ticket) = next {
            let index = ticket.index;
            let mut retries = Retries::new(settings.retry_backoff);
            let mut way = first_way;
            let asks_usage = self.asks_usage_of(index);
            let mut ask_usage = asks_usage;
            let go_on = loop {
                course.attempt_started = Instant::now();
                let last = !self.another_is_open(index, &course.refused_models);
                let join = broken.zip(way);
                let (first, overall) = (first.take(), course.overall);
                let attempt = async {
                    let (upstream, body) = match first {
                        Some(first) => first,
                        None => match aside(self.body.len(), || {
                            self.body_to_go_on(index, ask_usage, join)
                        }) {
                            Ok(body) => (self.resolve(gateway, index, &body, overall).await, body),
                            Err(NoMemory) => return Attempted::failed(Outcome::NoMemory),
                        },
                    };
                    match upstream {
                        Ok(upstream) => {
                            let deadline = self.deadline(last, overall);
                            self.attempt(transport, upstream, index, body, deadline, join)
                                .await
                        }
                        Err(_) => Attempted::failed(Outcome::Unusable),
                    }
                };
                let attempted = caught(gateway, attempt).await;
                let mut attempted =
                    attempted.unwrap_or_else(|| Attempted::failed(Outcome::Panicked));
                let outcome = attempted.outcome;
                let rule = outcome.rule(settings);
                course.last_outcome = Some((index, outcome));

                let said = attempted.answer.as_ref().map(|a| examined(&a.body));
                let usage_refused = ask_usage && refuses_usage(outcome, said);
                let refused = way.and_then(|way| match usage_refused {
                    true => Some(way),
                    false => way.after(outcome, said),
                });
                let again = usage_refused || refused.is_some();
                let probing = ticket.permit.is_some();
                // Judged now, not when the attempt began: the others can have failed meanwhile.
                let last = !self.another_is_open(index, &course.refused_models);
                let wait = if probing || again {
                    None
                } else {
                    self.wait_before_retry(&attempted, &retries, last, course.overall)
                };
                let (suspended, lifted) = match wait {
                    None if !again => {
                        self.settle(&mut ticket, rule.suspends, outcome, attempted.hint)
                    }
                    _ => (None, false),
                };
                let slot = &self.slots()[index];
                if asks_usage && !ask_usage && outcome == Outcome::Answered {
                    // It was the question: a caller's own mistake, echoed, would be refused without it too.
                    slot.refuses_usage.store(true, Ordering::Relaxed);
                }
                course.report.attempts.push(AttemptReport {
                    model: slot.model.clone(),
                    endpoint_id: slot.endpoint_id.clone(),
                    outcome,
                    status: attempted.answer.as_ref().map(|a| a.head.status.as_u16()),
                    took: course.attempt_started.elapsed(),
                    probe: probing,
                    suspended,
                    lifted,
                    way,
                    delivered: None,
                });
                if let Some(committed) = attempted.committed.take() {
                    return Some((ticket, committed));
                }
                if again {
                    ask_usage &= !usage_refused;
                    way = refused;
                    continue;
                }
                if let Some(answer) = attempted.answer.take() {
                    course.last_answer = Some(answer);
                } else if outcome == Outcome::NoMemory {
                    // Another candidate's failure would not be what kept the caller from an answer.
                    course.last_answer = None;
                }
                let Some(wait) = wait else {
                    break rule.go_on;
                };
                retries.made += 1;
                retries.backoff = retries.backoff.saturating_mul(2);
                if attempted.retry_after.is_some() {
                    retries.waited_out += wait;
                }
                tokio::time::sleep(wait).await;
                if self.slots()[index].gate.state(self.bound.clock.now()) != State::Healthy {
                    // Another request has found out meanwhile that it is no use.
                    let settled = self.settle(&mut ticket, rule.suspends, outcome, attempted.hint);
                    if let Some(end) = course.report.attempts.last_mut() {
                        (end.suspended, end.lifted) = settled;
                    }
                    break rule.go_on;
                }
            };
            match go_on {
                // The caller's fault with one can't be the caller's fault after another has begun to answer.
                GoOn::No if broken.is_none() => break,
                GoOn::No | GoOn::Yes => {}
                GoOn::OtherModel => course
                    .refused_models
                    .push(self.slots()[index].model.clone()),
            }
            if course.overall.passed() {
                break;
            }
            next = self.next_after(index, course);
        }
        None
    }

    fn next_after(&self, index: usize, course: &Course) -> Option<Ticket> {
        self.bound.admit(self.stage, index + 1, |slot| {
            !course.refused_models.contains(&slot.model)
        })
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
        let settings = &self.bound.policy.settings;
        let begun = course.report.attempts.len();
        let head = self.head(committed.head().clone(), begun);
        let status = head.status;
        let candidate = ticket.index;
        let account = |stream: &Stream| {
            caught_now(gateway, || gateway.used(self.used(stream, candidate)));
        };
        gateway.begin(head);
        let cut = loop {
            let relayed = committed.relay(gateway, settings.idle_timeout, &account);
            let cut = match relayed.await {
                Ok(mut whole) => {
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
            let suspends = cut.outcome.rule(settings).suspends;
            let (suspended, _) = self.settle(&mut ticket, suspends, cut.outcome, None);
            if let Some(end) = course.report.attempts.last_mut() {
                end.outcome = cut.outcome;
                end.took = course.attempt_started.elapsed();
                end.suspended = suspended;
                end.delivered = Some(cut.stream.delivered());
            }
            // After a panic nobody knows how much of what was read the caller has.
            if settings.on_stream_cut == OnStreamCut::Error || cut.outcome == Outcome::Panicked {
                break cut;
            }
            let rescue = self.rescue(transport, gateway, ticket.index, &cut.stream, &mut course);
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
        broken_at: usize,
        stream: &Stream,
        course: &mut Course,
    ) -> Result<(Ticket, Committed), String> {
        aside(self.body.len(), || stream.can_go_on(&self.body)).map_err(|why| why.to_string())?;
        // The clock of all attempts ended with the first useful chunk; the rescue has one of its own.
        course.overall = Deadline::after(self.bound.policy.settings.overall_timeout);
        let next = self.next_after(broken_at, course);
        self.pursue(transport, gateway, next, None, Some(stream), course)
            .await
            .ok_or_else(|| "no-candidate".to_owned())
    }

    /// What a whole answer says of itself.
    fn metadata(&self, head: &Head, body: &Bytes) -> Metadata {
        match &self.bound.provider {
            Some(provider) => provider.metadata(&self.path_of(head.candidate), body),
            None => Metadata::new(),
        }
    }

    /// What a stream has used so far.
    fn used(&self, stream: &Stream, candidate: usize) -> Metadata {
        match &self.bound.provider {
            Some(provider) if self.bound.policy.settings.count_stream_tokens => {
                provider.stream_metadata(&self.path_of(candidate), stream.model(), stream.tokens())
            }
            _ => Metadata::new(),
        }
    }

    fn path_of(&self, candidate: usize) -> Cow<'_, str> {
        self.asked
            .path_for(&self.path, &self.slots()[candidate].model)
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
        if !self.bound.policy.settings.response_headers || attempts.len() == begun {
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

    fn finish<G: Gateway>(&self, gateway: &G, course: Course, status: StatusCode) {
        let mut report = course.report;
        report.status = status.as_u16();
        report.took = course.started.elapsed();
        if report.is_notable() {
            let now = self.bound.clock.now();
            let called = |slot: &Slot| {
                report
                    .attempts
                    .iter()
                    .any(|a| a.model == slot.model && a.endpoint_id == slot.endpoint_id)
            };
            let skipped = self.slots().iter().filter(|slot| !called(slot));
            report.skipped = skipped
                .filter_map(|slot| {
                    let why = match slot.gate.state(now) {
                        State::Suspended { .. } => "suspended",
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

    /// Whether a candidate after `index` could take over.
    fn another_is_open(&self, index: usize, refused_models: &[String]) -> bool {
        let now = self.bound.clock.now();
        self.slots()[index + 1..].iter().any(|slot| {
            !refused_models.contains(&slot.model)
                && matches!(slot.gate.state(now), State::Healthy | State::Due)
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

    /// One attempt. `join`: the stream that it is to go on with, and how it is asked to.
    async fn attempt<T: Transport>(
        &self,
        transport: &T,
        upstream: Upstream,
        index: usize,
        body: Bytes,
        deadline: Deadline,
        join: Option<(&Stream, Way)>,
    ) -> Attempted {
        let own_credential = upstream.own_credential;
        if !sendable::fits(&upstream) {
            // What of the caller's goes to every candidate was looked at before: this is a credential.
            return Attempted::failed(Outcome::TooLong {
                callers: !own_credential && !sendable::headers_fit(&upstream.headers),
            });
        }
        let answer = match deadline.bound(transport.send(upstream, body)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Attempted::failed(Outcome::Network(error)),
            Err(Elapsed) => return Attempted::failed(Outcome::Silent),
        };
        let success = answer.status.is_success();
        if success
            && self.asked.stream()
            && let Some(stream) = self.stream_of(&answer.headers, join)
        {
            return self.open_stream(answer, index, stream, deadline).await;
        }
        let Answer {
            status,
            headers,
            body,
        } = answer;
        let most = self.bound.policy.settings.max_answer_body;
        let whole = deadline.bound(collect(body, most, &self.bound.share));
        let body = match whole.await.unwrap_or(Err(Outcome::Silent)) {
            Ok(body) => body,
            Err(outcome) => return Attempted::failed(outcome),
        };
        let content_type = text(&headers, &header::CONTENT_TYPE);
        let mut metadata = Metadata::new();
        // A caller who did not ask for a stream is never shown a part of one.
        if success
            && !is_encoded(&headers)
            && let Some(stream_type) = stream_type(content_type, &body)
            && let Some(stream) = Stream::of(Some(stream_type), false, 0)
        {
            let read = || relay::read_whole(self.observed(stream), &body);
            match aside(body.len(), read) {
                Some(stream) => metadata = self.used(&stream, index),
                None => return Attempted::failed(Outcome::NoUsefulChunk),
            }
        }
        let whole = Whole {
            head: Head {
                status,
                headers,
                candidate: index,
                metadata,
            },
            body,
        };
        let mut attempted = aside(whole.body.len(), || judge(whole, own_credential));
        if join.is_some() && attempted.outcome == Outcome::Answered {
            // Whole, and of no use for a stream that has begun.
            attempted = Attempted::failed(Outcome::NoUsefulChunk);
        }
        attempted
    }

    /// The stream that an answer is; `None`: it is whole.
    fn stream_of(&self, headers: &HeaderMap, join: Option<(&Stream, Way)>) -> Option<Stream> {
        let settings = &self.bound.policy.settings;
        let content_type = text(headers, &header::CONTENT_TYPE);
        let in_array = self.asked.in_array();
        match join {
            _ if is_encoded(headers) => join.is_none().then(Stream::opaque),
            Some((broken, way)) => broken.joined_by(content_type, in_array, way.asked()),
            None => {
                let max_text = match settings.on_stream_cut {
                    OnStreamCut::Continue => {
                        usize::try_from(settings.max_continued_text).unwrap_or(usize::MAX)
                    }
                    OnStreamCut::Error => 0,
                };
                let mut stream = Stream::of(content_type, in_array, max_text)?;
                if self.asks_usage {
                    stream.hide_usage();
                }
                Some(self.observed(stream))
            }
        }
    }

    /// A stream that is also read by the provider's attributes.
    fn observed(&self, mut stream: Stream) -> Stream {
        if let Some(provider) = &self.bound.provider {
            stream.observe(Box::new(Observed::by(Arc::clone(provider))));
        }
        stream
    }

    async fn open_stream(
        &self,
        answer: Answer,
        index: usize,
        stream: Stream,
        deadline: Deadline,
    ) -> Attempted {
        let head = Head {
            status: answer.status,
            headers: answer.headers,
            candidate: index,
            metadata: Metadata::new(),
        };
        let hint = hint::after_success(|| header_pairs(&head.headers), SystemTime::now());
        let max_held = self.bound.policy.settings.max_held;
        match Relay::new(head, answer.body, stream, self.bound.share.kept())
            .hold(max_held, deadline)
            .await
        {
            Ok(committed) => Attempted {
                hint,
                committed: Some(committed),
                ..Attempted::failed(Outcome::Answered)
            },
            Err(outcome) => Attempted::failed(outcome),
        }
    }

    /// How long to wait before the same candidate is tried again; `None`: it is not.
    fn wait_before_retry(
        &self,
        attempted: &Attempted,
        retries: &Retries,
        last: bool,
        overall: Deadline,
    ) -> Option<Duration> {
        let settings = &self.bound.policy.settings;
        let limited = matches!(
            attempted.outcome,
            Outcome::Unavailable(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
        );
        let allowed = settings.target_retries.max(u32::from(last));
        let retried = retries.made < allowed && attempted.outcome.may_be_retried();
        let wait = match attempted.retry_after {
            // The provider said when to come back: that is waited out, or it is not asked again. In all no longer
            // than set, so that one that always says "in a second" does not keep the caller from a fallback.
            Some(wait) => ((limited || retried)
                && retries.waited_out + wait <= settings.max_retry_after_wait)
                .then_some(wait)?,
            None => retried.then(|| retries.backoff.mul_f64(fastrand::f64()))?,
        };
        let may = wait < overall.remaining()
            && self
                .bound
                .budget
                .take(settings.retry_budget, self.bound.clock.now());
        may.then_some(wait)
    }

    /// Suspends the candidate or lifts its suspension, as the outcome asks. Returns for how long it was suspended
    /// and whether a suspension was lifted.
    fn settle(
        &self,
        ticket: &mut Ticket,
        suspends: bool,
        outcome: Outcome,
        hint: Option<Duration>,
    ) -> (Option<Duration>, bool) {
        let base = self.bound.policy.suspend_duration;
        let settings = &self.bound.policy.settings;
        let gate = &self.slots()[ticket.index].gate;
        let now = self.bound.clock.now();
        let permit = ticket.permit.take();
        if suspends && !base.is_zero() {
            let length = |failed: u32| {
                let grown = base.mul_f64(settings.suspend_growth.powi(failed as i32).min(1e6));
                base.max(
                    grown
                        .max(hint.unwrap_or_default())
                        .min(settings.max_suspend),
                )
            };
            let until = match permit {
                Some(permit) => permit.failed(now, length),
                None => {
                    let until = now.plus(length(0));
                    gate.suspend(until);
                    until
                }
            };
            return (Some(now.until(until)), false);
        }
        // An outcome that says nothing about the candidate gives the permit back by dropping it.
        let reached = outcome.reached() && !suspends;
        let lifted = permit.is_some_and(|p| reached && p.succeeded());
        match hint {
            Some(wait) if outcome == Outcome::Answered && !base.is_zero() => {
                let length = wait.min(settings.max_suspend);
                gate.suspend(now.plus(length));
                (Some(length), lifted)
            }
            _ => (None, lifted),
        }
    }

    /// An answer's head as the caller gets it.
    fn head(&self, mut head: Head, attempts: usize) -> Head {
        let named: Vec<HeaderName> = head
            .headers
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse().ok())
            .collect();
        for name in NOT_FORWARDED.into_iter().chain(named) {
            head.headers.remove(name);
        }
        if !head.status.is_success() {
            for name in NAMES_HOSTS {
                head.headers.remove(name);
            }
        }
        if !is_known(head.status) {
            head.status = StatusCode::BAD_GATEWAY;
        }
        for (name, _) in FAILOVER_HEADERS {
            head.headers.remove(name);
        }
        if self.bound.policy.settings.response_headers {
            let slot = &self.slots()[head.candidate];
            for (name, which) in FAILOVER_HEADERS {
                let text = match which {
                    Which::Model => Cow::from(utf8_percent_encode(&slot.model, IN_HEADER)),
                    Which::Endpoint => Cow::from(utf8_percent_encode(&slot.endpoint_id, IN_HEADER)),
                    Which::Attempts => Cow::from(attempts.to_string()),
                };
                if let Ok(value) = HeaderValue::from_str(&text) {
                    head.headers.insert(name, value);
                }
            }
        }
        head
    }

    fn failure(&self, index: usize, outcome: Outcome, attempts: usize) -> Failure {
        if outcome == Outcome::NoMemory {
            return Failure {
                status: StatusCode::SERVICE_UNAVAILABLE,
                code: code::NO_MEMORY,
                message: Refusal::NoMemory.to_string(),
                retry_after: Some(1),
                candidate: None,
            };
        }
        let (status, code) = match outcome {
            Outcome::TooLong { callers: true } => {
                let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
                (status, u32::from(status.as_u16()))
            }
            Outcome::Panicked => (StatusCode::INTERNAL_SERVER_ERROR, code::BROKEN),
            Outcome::Silent => (StatusCode::GATEWAY_TIMEOUT, code::TIMEOUT),
            Outcome::Network(NetError::ConnectTimeout) => {
                (StatusCode::GATEWAY_TIMEOUT, code::NO_CONNECTION)
            }
            Outcome::Network(error) if error.is_before_connection() => {
                (StatusCode::BAD_GATEWAY, code::NO_CONNECTION)
            }
            _ => (StatusCode::BAD_GATEWAY, code::BROKEN),
        };
        let model = &self.slots()[index].model;
        let explained = outcome.explained();
        let message = match attempts {
            1 => format!("The model {model} {explained}; there was no other to fall back to"),
            n => format!("All models failed in {n} attempts; the last one, {model}, {explained}"),
        };
        Failure {
            status,
            code,
            message,
            retry_after: None,
            candidate: Some(index),
        }
    }

    fn all_suspended(&self) -> Failure {
        let (message, retry_after) = match self.ends_first() {
            Some((wait, _)) => {
                let seconds = wait.as_millis().div_ceil(1000).max(1) as u64;
                let message = format!(
                    "Every model is suspended after failures; the first is tried again in {seconds} s"
                );
                (message, Some(seconds))
            }
            None => ("Every model is held back by an operator".to_owned(), None),
        };
        Failure {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: code::SUSPENDED,
            message,
            retry_after,
            candidate: None,
        }
    }
}

#[derive(Clone, Copy)]
enum Which {
    Model,
    Endpoint,
    Attempts,
}

/// What a header's value can't hold, beside everything outside ASCII, which is always percent-encoded.
const IN_HEADER: &AsciiSet = CONTROLS;

/// The headers that tell the caller who served. A provider's own of these names never get through.
const FAILOVER_HEADERS: [(HeaderName, Which); 3] = [
    (HeaderName::from_static("x-failover-model"), Which::Model),
    (
        HeaderName::from_static("x-failover-endpoint"),
        Which::Endpoint,
    ),
    (
        HeaderName::from_static("x-failover-attempts"),
        Which::Attempts,
    ),
];

/// Hop-by-hop headers (RFC 9110 §7.6.1), and Content-Length, which the gateway sets by what it sends.
const NOT_FORWARDED: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::CONTENT_LENGTH,
];

/// In an answer that is no success they can name a host that is none of the caller's business (`behaviour.md` §8).
const NAMES_HOSTS: [HeaderName; 4] = [
    header::LOCATION,
    header::REFRESH,
    header::CONTENT_LOCATION,
    header::LINK,
];

/// Whether HTTP knows the status as that of an answer (RFC 9110 section 15). Others can't be passed on.
fn is_known(status: StatusCode) -> bool {
    (200..600).contains(&status.as_u16())
}

/// Whether an answer says that a stream's usage must not be asked for: OpenAI's and Azure's "Unrecognized request
/// argument" and "Unknown parameter", Mistral's "extra_forbidden" all name the field.
fn refuses_usage(outcome: Outcome, answer: Option<&[u8]>) -> bool {
    let names_it = |answer| {
        let text = String::from_utf8_lossy(answer);
        text.contains("stream_options") || text.contains("include_usage")
    };
    outcome == Outcome::CallersFault && answer.is_some_and(names_it)
}

/// What of an error's body is looked at for a reason: all of it or, when that is no report of an error any more,
/// nothing. It is read into trees and lower case.
fn examined(body: &[u8]) -> &[u8] {
    const MOST: usize = 256 * 1024;
    if body.len() <= MOST { body } else { &[] }
}

/// Bytes of a body in which an event stream has its first data.
const SOON: usize = 8 * 1024;

/// The type of a whole body that is a stream, whatever it is declared as.
fn stream_type<'a>(declared: Option<&'a str>, body: &[u8]) -> Option<&'a str> {
    if let Some(declared) = declared
        && (is_event_stream(declared) || is_amazon_event_stream(declared))
    {
        return Some(declared);
    }
    let body = body.trim_ascii_start();
    let begins = |field: &[u8]| body.starts_with(field);
    let has_data = || body.windows(6).take(SOON).any(|w| w == b"\ndata:");
    let is_stream =
        begins(b"data:") || (begins(b"event:") || begins(b"id:") || begins(b":")) && has_data();
    is_stream.then_some("text/event-stream")
}

fn is_encoded(headers: &HeaderMap) -> bool {
    text(headers, &header::CONTENT_ENCODING).is_some_and(|e| !e.eq_ignore_ascii_case("identity"))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn header_pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
}

fn judge(whole: Whole, own_credential: bool) -> Attempted {
    let Head {
        status, headers, ..
    } = &whole.head;
    let (status, now) = (*status, SystemTime::now());
    let (outcome, hint) = if status.is_success() {
        let bodyless = matches!(status.as_u16(), 204 | 205);
        let checked = if bodyless || (is_encoded(headers) && !whole.body.is_empty()) {
            Ok(())
        } else {
            answer::check(text(headers, &header::CONTENT_TYPE), &whole.body)
        };
        match checked {
            Ok(()) => (
                Outcome::Answered,
                hint::after_success(|| header_pairs(headers), now),
            ),
            // Not an answer, so not one to fall back on either: the caller is never given an empty 200.
            Err(why) => return Attempted::failed(Outcome::NoAnswer(why)),
        }
    } else {
        let error_type = headers
            .get("x-amzn-errortype")
            .and_then(|v| v.to_str().ok());
        let said = examined(&whole.body);
        let reason: Option<Reason> = reason::of(status.as_u16(), error_type, said);
        (
            Outcome::of_status(status, reason, own_credential),
            hint::after_failure(|| header_pairs(headers), said, now),
        )
    };
    Attempted {
        outcome,
        hint,
        retry_after: hint::retry_after_of(header_pairs(headers), now),
        // What no caller can be sent needs something that it can be.
        answer: Some(whole).filter(|a| is_known(a.head.status) || !a.body.is_empty()),
        committed: None,
    }
}
