//! A request that was taken over: what is known of it, and what each candidate is sent of it.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use failover_policy::{Settings, Stage, WhenAllSuspended};
use failover_suspension::State;
use failover_wire::Asked;
use failover_wire::stream::Stream;
use once_cell::sync::OnceCell;

use crate::accounting::Accounting;
use crate::asking::Way;
use crate::attached::Bound;
use crate::body::NoMemory;
use crate::candidate::{Slot, Ticket};
use crate::client;
use crate::consequence::fingerprint;
use crate::course::Course;
use crate::gateway::{Failure, Head};
use crate::judge::Judge;

/// A request that was taken over.
#[derive(Debug)]
pub struct Call {
    pub(crate) bound: Arc<Bound>,
    pub(crate) stage: Stage,
    path: String,
    pub(crate) body: Bytes,
    pub(crate) asked: Asked,
    /// Whether a stream's usage is asked for in the client's stead.
    pub(crate) asks_usage: bool,
    /// Whether streams are collected.
    pub(crate) collects: bool,
    pub(crate) first: Option<Ticket>,
    /// What the first candidate will be sent, once that has been asked for.
    pub(crate) first_body: Option<Bytes>,
    fingerprint: OnceCell<u64>,
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
            collects: false,
            first,
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

    /// Asked for by failures alone: it takes time.
    pub(crate) fn fingerprint(&self) -> u64 {
        *self.fingerprint.get_or_init(|| fingerprint(&self.body))
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.bound.policy.settings
    }

    pub(crate) fn slots(&self) -> &[Slot] {
        self.bound.slots(self.stage)
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
    pub(crate) fn body_to_send(
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

    pub(crate) fn asks_usage_of(&self, index: usize) -> bool {
        self.asks_usage && !self.slots()[index].refuses_usage.load(Ordering::Relaxed)
    }

    pub(crate) fn accounting(&self) -> Accounting<'_> {
        Accounting {
            provider: self.bound.provider.as_deref(),
            asked: &self.asked,
            path: &self.path,
            counts_streams: self.settings().count_stream_tokens,
        }
    }

    /// With every candidate suspended: the permit for the one whose suspension ends first, if that is set and free.
    pub(crate) fn probe_early(&self) -> Option<Ticket> {
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

    pub(crate) fn failure(&self, course: &Course) -> Failure {
        match course.last_outcome {
            Some((index, outcome)) => {
                let model = &self.slots()[index].model;
                client::all_failed(model, index, outcome, course.report.attempts.len())
            }
            None => client::all_suspended(self.ends_first().map(|(wait, _)| wait)),
        }
    }

    /// An answer's head as the client gets it.
    pub(crate) fn head(&self, mut head: Head, attempts: usize) -> Head {
        let slot = &self.slots()[head.candidate];
        let served = self.settings().response_headers.then_some((slot, attempts));
        client::rework(&mut head, served);
        head
    }

    pub(crate) fn judge(&self, own_credential: bool) -> Judge<'_> {
        Judge {
            signs: &self.bound.signs,
            request: &self.body,
            own_credential,
            minds_filters: self.settings().failover_on_content_filter,
        }
    }
}
