//! A request that was taken over: what is known of it, and what each candidate is sent of it.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use failover_metrics::TraceId;
use failover_policy::{KeyType, Settings, WhenAllSuspended};
use failover_suspension::State;
use failover_wire::ModelRequest;
use failover_wire::provider::Fact;
use failover_wire::stream::Stream;
use once_cell::sync::OnceCell;

use crate::accounting::Accounting;
use crate::asking::ContinuationMode;
use crate::attached::AttachedPolicy;
use crate::body::NoMemory;
use crate::candidate::{Admitted, CandidateState};
use crate::client;
use crate::consequence::fingerprint;
use crate::course::Course;
use crate::forecast;
use crate::gateway::{Failure, Head};
use crate::judge::Judge;
use crate::report::AttemptReport;

/// A request that was taken over.
#[derive(Debug)]
pub struct Call {
    pub(crate) attached: Arc<AttachedPolicy>,
    pub(crate) key_type: KeyType,
    path: String,
    pub(crate) body: Bytes,
    pub(crate) asked: ModelRequest,
    /// Whether a stream's usage is asked for in the client's stead.
    pub(crate) asks_usage: bool,
    /// Whether streams are collected.
    pub(crate) collects: bool,
    /// The trace that the request is a part of, for the numbers.
    pub(crate) trace: Option<TraceId>,
    pub(crate) first: Option<Admitted>,
    /// The candidates that the client has left out.
    pub(crate) left_out: Vec<usize>,
    /// What the first candidate will be sent, once that has been asked for.
    pub(crate) first_body: Option<Bytes>,
    fingerprint: OnceCell<u64>,
}

/// Gives each candidate the path with its own model. Outlives the call's preparation, because the gateway asks for
/// it while the call runs.
#[derive(Debug)]
pub struct PathRewriting {
    attached: Arc<AttachedPolicy>,
    key_type: KeyType,
    asked: ModelRequest,
}

impl PathRewriting {
    /// The path for a candidate; unchanged for an index beyond the section.
    pub fn path_for<'a>(&self, path: &'a str, candidate: usize) -> Cow<'a, str> {
        match self.attached.candidates(self.key_type).get(candidate) {
            Some(candidate) => self.asked.path_for(path, &candidate.model),
            None => Cow::Borrowed(path),
        }
    }
}

/// Whom a call may ask, for whoever looks on. Outlives the call's preparation.
#[derive(Debug)]
pub struct Candidates {
    attached: Arc<AttachedPolicy>,
    key_type: KeyType,
    stream: bool,
}

impl Candidates {
    /// The candidate's model; `None` for an index beyond the section.
    pub fn model(&self, candidate: usize) -> Option<&str> {
        let candidates = self.attached.candidates(self.key_type);
        candidates.get(candidate).map(|known| known.model.as_str())
    }

    /// The endpoint's id; `None` for an index beyond the section.
    pub fn endpoint_id(&self, candidate: usize) -> Option<&str> {
        let candidates = self.attached.candidates(self.key_type);
        candidates
            .get(candidate)
            .map(|known| known.endpoint_id.as_str())
    }

    /// The name of the API's AI service provider, where it is known.
    pub fn provider(&self) -> Option<String> {
        let always = &self.attached.provider.as_ref()?.account.always;
        let name = |(fact, value): &'_ (Fact, String)| match fact {
            Fact::Text(name) if name == "name" => Some(value.clone()),
            _ => None,
        };
        always.iter().find_map(name)
    }

    /// Whether a stream was asked for.
    pub fn stream(&self) -> bool {
        self.stream
    }
}

impl Call {
    pub(crate) fn new(
        attached: Arc<AttachedPolicy>,
        key_type: KeyType,
        path: &str,
        body: Bytes,
        asked: ModelRequest,
        first: Option<Admitted>,
    ) -> Self {
        Call {
            // Without a provider nobody would be told of it.
            asks_usage: attached.provider.is_some()
                && attached.policy.settings.count_stream_tokens
                && asked.can_ask_usage(path),
            attached,
            key_type,
            path: path.to_owned(),
            body,
            asked,
            collects: false,
            trace: None,
            first,
            left_out: Vec::new(),
            first_body: None,
            fingerprint: OnceCell::new(),
        }
    }

    /// Has streams collected, because the gateway needs whole answers: the client gets a stream as a whole answer, at
    /// its end, and one that can't be completed is an attempt that failed. It is counted in `max_memory`, and has no
    /// more bytes than `max_answer_body`.
    pub fn collect_streams(&mut self) {
        self.collects = true;
    }

    /// Says which trace the request is a part of.
    pub fn belongs_to(&mut self, trace: Option<TraceId>) {
        self.trace = trace;
    }

    /// The candidate that will be called first and what it will be sent, so that the gateway can resolve it before
    /// [`Call::run`]. `None` when that is not known before.
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

    /// Whom it may ask.
    pub fn asked_of(&self) -> Candidates {
        Candidates {
            attached: Arc::clone(&self.attached),
            key_type: self.key_type,
            stream: self.asked.stream(),
        }
    }

    /// How the candidates' paths differ; `None` when the model is not in the path.
    pub fn rewriting(&self) -> Option<PathRewriting> {
        self.asked.rewrites_path().then(|| PathRewriting {
            attached: Arc::clone(&self.attached),
            key_type: self.key_type,
            asked: self.asked.clone(),
        })
    }

    /// Asked for by failures alone: it takes time.
    pub(crate) fn fingerprint(&self) -> u64 {
        *self.fingerprint.get_or_init(|| {
            let shared = self.attached.told_apart_by.load(Ordering::Relaxed);
            fingerprint(&self.body, shared)
        })
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.attached.policy.settings
    }

    pub(crate) fn candidates(&self) -> &[CandidateState] {
        self.attached.candidates(self.key_type)
    }

    fn body_for(&self, index: usize, ask_usage: bool) -> Result<Bytes, NoMemory> {
        let model = &self.candidates()[index].model;
        let mut tally = None;
        let mut room = |bytes| {
            let (room, its) = self.attached.share.room(bytes).ok()?;
            tally = Some(its);
            Some(room)
        };
        let body = self
            .asked
            .body_for(&self.body, model, ask_usage, &mut room)
            .ok_or(NoMemory)?;
        Ok(match (body, tally) {
            (Cow::Owned(edited), Some(tally)) => tally.freeze(edited),
            (Cow::Owned(edited), None) => edited.into(),
            (Cow::Borrowed(_), _) => self.body.clone(),
        })
    }

    /// The body for a candidate that is asked in this way, to go on with `broken` if that is there.
    pub(crate) fn body_to_send(
        &self,
        index: usize,
        ask_usage: bool,
        join: Option<(&Stream, ContinuationMode)>,
    ) -> Result<Bytes, NoMemory> {
        let body = self.body_for(index, ask_usage)?;
        let Some((stream, mode)) = join else {
            return Ok(body);
        };
        let mut tally = self.attached.share.tally();
        tally.set(body.len() + stream.delivered())?;
        let Some(prefilled) = mode.prefilled(stream, &body) else {
            return Ok(body);
        };
        tally.set(prefilled.len())?;
        Ok(tally.freeze(prefilled))
    }

    pub(crate) fn asks_usage_of(&self, index: usize) -> bool {
        self.asks_usage
            && !self.candidates()[index]
                .refuses_usage
                .load(Ordering::Relaxed)
    }

    pub(crate) fn accounting(&self) -> Accounting<'_> {
        Accounting {
            provider: self.attached.provider.as_deref(),
            asked: &self.asked,
            path: &self.path,
            counts_streams: self.settings().count_stream_tokens,
        }
    }

    /// With every candidate suspended: the permit for the one whose suspension ends first, if that is set and free.
    pub(crate) fn probe_early(&self) -> Option<Admitted> {
        if self.settings().when_all_suspended != WhenAllSuspended::Probe {
            return None;
        }
        let (_, index) = self.ends_first()?;
        let permit = self.candidates()[index].gate.probe_early()?;
        Some(Admitted {
            index,
            permit: Some(permit),
        })
    }

    /// The shortest wait among the suspended candidates, and whose it is.
    fn ends_first(&self) -> Option<(Duration, usize)> {
        let now = self.attached.clock.now();
        let wanted = self.candidates().iter().enumerate();
        let wanted = wanted.map(|(index, c)| match self.left_out.contains(&index) {
            true => State::Held,
            false => c.gate.state(now),
        });
        forecast::ends_first(wanted, now)
    }

    pub(crate) fn failure(&self, course: &Course) -> Failure {
        let mut failure = match course.last_outcome {
            Some((index, outcome)) => {
                let model = &self.candidates()[index].model;
                client::all_failed(model, index, outcome, &course.report.attempts)
            }
            None => client::all_suspended(self.ends_first().map(|(wait, _)| wait)),
        };
        if !self.settings().response_headers {
            failure.reasons.clear();
        }
        failure
    }

    /// An answer's head as the client gets it.
    pub(crate) fn head(&self, mut head: Head, attempts: &[AttemptReport]) -> Head {
        let candidate = &self.candidates()[head.candidate];
        let served = self
            .settings()
            .response_headers
            .then_some((candidate, attempts));
        client::rework(&mut head, served);
        head
    }

    pub(crate) fn judge(&self, own_credential: bool) -> Judge<'_> {
        Judge {
            signs: &self.attached.signs,
            request: &self.body,
            own_credential,
            minds_filters: self.settings().failover_on_content_filter,
        }
    }
}
