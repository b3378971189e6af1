//! The picture that operators get, whatever they look through: made once for each look.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::histogram::Counted;
use crate::minutes::{MINUTES, Minute};

/// Names a candidate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CandidateName {
    /// The tenant's domain.
    pub tenant: String,
    /// The API's name.
    pub api: String,
    /// The API's version.
    pub version: String,
    /// The endpoint's id.
    pub endpoint: String,
    /// The model's name.
    pub model: String,
}

/// Whether a candidate gets traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It does.
    Healthy,
    /// It does when no other is open.
    Suspected,
    /// It does not.
    Suspended,
    /// One request is finding out whether it is back.
    Probing,
    /// The next request will.
    Due,
    /// An operator keeps it from traffic.
    Held,
}

impl State {
    /// Each, with its word.
    pub const ALL: [(State, &'static str); 6] = [
        (State::Healthy, "healthy"),
        (State::Suspected, "suspected"),
        (State::Suspended, "suspended"),
        (State::Probing, "probing"),
        (State::Due, "due"),
        (State::Held, "held"),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        State::ALL[self as usize].1
    }
}

/// What there is to see of a gateway.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Snapshot {
    /// The project's version.
    pub version: &'static str,
    /// The APIs that have had a request since they were deployed, in the order of tenant, name and version.
    pub apis: Vec<Api>,
    /// The gateway itself.
    pub health: Health,
    /// Whether failures can be rehearsed.
    pub drills: bool,
    /// Candidates beyond the limit, which are not shown.
    pub omitted: usize,
}

/// How the native side is.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Health {
    /// Bytes of bodies that are held, and the most that ever were.
    pub held_bytes: u64,
    /// The most that ever were.
    pub peak_bytes: u64,
    /// The limit where an API has none of its own; `None`: there is none.
    pub max_memory: Option<u64>,
    /// How often a limit was in the way.
    pub memory_refusals: u64,
    /// Calls under way.
    pub open_calls: u64,
    /// Policies and attached policies that Java has handles for.
    pub handles: u64,
    /// How long a task that is ready waits for a thread of the runtime, in seconds; `None`: it has no threads now.
    pub lag_seconds: Option<f64>,
    /// The link to other gateways; `None`: it is alone.
    pub cluster: Option<Cluster>,
}

/// The link through which gateways share suspensions.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Cluster {
    /// What this gateway is called.
    pub node: String,
    /// Whether suspensions are shared now.
    pub up: bool,
    /// Why not, or what the store has refused last; empty: nothing is wrong.
    pub error: String,
    /// How often there was a link.
    pub links: u64,
    /// Operations that went out.
    pub operations: u64,
    /// Those that failed, and were tried again.
    pub failed: u64,
    /// Changes that were dropped because too many waited; everything was looked at again instead.
    pub dropped: u64,
    /// What waits or is under way.
    pub backlog: u64,
    /// Changes of other gateways that were heard of.
    pub heard: u64,
    /// Permits that this gateway gave itself because the store did not answer in time.
    pub alone: u64,
    /// Probes that began although another gateway had the permit.
    pub collisions: u64,
    /// How long the last operation took, in seconds.
    pub round_trip_seconds: f64,
    /// Since the store last answered, in seconds; `None`: it never has.
    pub silent_seconds: Option<f64>,
}

/// An API version with the policy.
#[derive(Debug, Clone, Serialize)]
pub struct Api {
    /// The tenant's domain.
    pub tenant: String,
    /// The API's name.
    pub name: String,
    /// The API's version.
    pub version: String,
    /// Requests by what they have come to.
    pub requests: Vec<(&'static str, u64)>,
    /// Requests under way.
    pub in_flight: u64,
    /// Tries at the same candidate after the first.
    pub retries: u64,
    /// Those that the retry budget refused.
    pub retries_refused: u64,
    /// Streams that broke and that another candidate went on with.
    pub continued: u64,
    /// Streams that broke and that nobody went on with.
    pub not_continued: u64,
    /// What the attempts before the one that served a request have cost it.
    pub delays: Counted,
    /// The policies that are attached.
    pub policies: Vec<Policy>,
    /// Their candidates.
    pub candidates: Vec<Candidate>,
}

/// A policy that is attached to an API.
#[derive(Debug, Clone, Serialize)]
pub struct Policy {
    /// For key type `PRODUCTION`.
    pub production: Option<Section>,
    /// For any other.
    pub sandbox: Option<Section>,
}

/// The candidates of a key type.
#[derive(Debug, Clone, Serialize)]
pub struct Section {
    /// The model for which requests are handled.
    pub target: String,
    /// Indices in [`Api::candidates`], target first.
    pub candidates: Vec<usize>,
    /// What would become of a request now.
    pub forecast: Forecast,
}

/// What would become of a request, if it came now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// Its place in the section; `None`: the client would be told to come back.
    pub goes_to: Option<usize>,
    /// Whether it would be the one request that finds out whether the candidate is back.
    pub probes: bool,
    /// Those that are passed over, by their place in the section, and why.
    pub passed_over: Vec<PassedOver>,
    /// With nobody to go to: seconds that the client would be told, if that is known.
    pub retry_after: Option<u64>,
    /// All of that in a sentence.
    pub words: String,
}

/// A candidate that a request passes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    /// Its place in the section.
    pub place: usize,
    /// Its state.
    pub state: State,
    /// Milliseconds until its suspension ends.
    pub left_ms: u64,
}

impl Forecast {
    /// Says it. `candidates`: the section's, as models at endpoints.
    pub fn say(mut self, candidates: &[(&str, &str)]) -> Self {
        let name = |place: usize| {
            candidates
                .get(place)
                .map_or(String::new(), |(model, endpoint)| {
                    format!("{model} at {endpoint}")
                })
        };
        let why = |passed: &PassedOver| {
            let seconds = passed.left_ms.div_ceil(1000);
            let is = match passed.state {
                State::Suspended => format!("is suspended for {seconds} s more"),
                State::Held => "is held by an operator".to_owned(),
                State::Probing => "is being probed by another request".to_owned(),
                State::Suspected => "is suspected of a failure".to_owned(),
                State::Healthy | State::Due => "could serve it".to_owned(),
            };
            format!("{} {is}", name(passed.place))
        };
        let target = candidates.first().map_or("", |(model, _)| model);
        let reasons: Vec<String> = self.passed_over.iter().map(why).collect();
        let because = match reasons.is_empty() {
            true => String::new(),
            false => format!(", because {}", reasons.join(" and ")),
        };
        let probe = match self.probes {
            true => " as its probe",
            false => "",
        };
        self.words = match (self.goes_to, self.retry_after) {
            (Some(place), _) => format!("{target} → would go to {}{probe}{because}", name(place)),
            (None, Some(seconds)) => {
                format!("{target} → would get a 503 with Retry-After: {seconds}{because}")
            }
            (None, None) => format!("{target} → would get a 503{because}"),
        };
        self
    }
}

/// A candidate.
#[derive(Debug, Clone, Serialize)]
pub struct Candidate {
    /// The endpoint's id.
    pub endpoint: String,
    /// The model's name.
    pub model: String,
    /// Whether it gets traffic.
    pub state: State,
    /// Milliseconds until its suspension ends; 0: it has none.
    pub suspended_ms: u64,
    /// Why it is suspended; of one that is not, nothing.
    pub why: Option<String>,
    /// Whether a failure has left a mark.
    pub marked: bool,
    /// Failed probes in a row.
    pub failed_probes: u32,
    /// Attempts under way, streams among them.
    pub in_flight: u64,
    /// Attempts by outcome, those that there were.
    pub attempts: Vec<(&'static str, u64)>,
    /// Suspensions by the outcome that led to them.
    pub suspensions: Vec<(&'static str, u64)>,
    /// Probes by what they have found out.
    pub probes: Vec<(&'static str, u64)>,
    /// How often its provider has said when to come back.
    pub hints: u64,
    /// Failures that were rehearsed.
    pub rehearsed: u64,
    /// What is rehearsed now: percent of its attempts, and milliseconds until it ends.
    pub drill: Option<(u8, u64)>,
    /// How long attempts took.
    pub latency: Latency,
    /// The last minutes, the oldest first.
    #[serde(serialize_with = "as_pairs")]
    pub minutes: [Minute; MINUTES],
    /// The last failures, the newest first.
    pub failures: Vec<Failure>,
    /// Until a whole answer, a stream's first useful chunk, or the failure.
    #[serde(skip)]
    pub durations: Counted,
    /// Streams: until the first useful chunk.
    #[serde(skip)]
    pub first_chunks: Counted,
    /// Streams: between useful chunks.
    #[serde(skip)]
    pub between_chunks: Counted,
}

/// Pairs of what was answered and what failed: the page gets many of them.
fn as_pairs<S: serde::Serializer>(minutes: &[Minute; MINUTES], s: S) -> Result<S::Ok, S::Error> {
    s.collect_seq(minutes.iter().map(|m| (m.answered, m.failed)))
}

/// How long attempts took in the last [`crate::LATELY`] minutes, in milliseconds; `None`: there were none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Half of them took no longer.
    pub p50: Option<u64>,
    /// 95 of 100.
    pub p95: Option<u64>,
    /// 99 of 100.
    pub p99: Option<u64>,
    /// Half of the streams had their first useful chunk by then.
    pub first_chunk_p50: Option<u64>,
    /// 95 of 100 streams.
    pub first_chunk_p95: Option<u64>,
}

impl Latency {
    /// Of what was counted.
    pub fn of(durations: &Counted, first_chunks: &Counted) -> Self {
        let millis = |counted: &Counted, share| {
            let seconds = counted.quantile(share)?;
            Some((seconds * 1000.0).round() as u64)
        };
        Latency {
            p50: millis(durations, 0.5),
            p95: millis(durations, 0.95),
            p99: millis(durations, 0.99),
            first_chunk_p50: millis(first_chunks, 0.5),
            first_chunk_p95: millis(first_chunks, 0.95),
        }
    }
}

/// A failed attempt.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// How long ago it was, in seconds.
    pub seconds_ago: u64,
    /// What it was.
    pub words: String,
}

/// What an operator does to a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Keeps it from traffic until it is released.
    Hold,
    /// Ends that.
    Release,
    /// Forgets its failures.
    Clear,
    /// Has a share of its attempts fail without being made.
    Drill {
        /// For how long.
        length: Duration,
        /// How many of a hundred; 0 ends it.
        percent: u8,
    },
}

/// Where a listener has its picture from, and what it steers.
pub trait Source: Send + Sync + 'static {
    /// The picture now. May take some milliseconds.
    fn snapshot(&self) -> Snapshot;

    /// Does something to a candidate; whether it is known. `who`: the address it comes from, for the log.
    fn steer(&self, candidate: &CandidateName, operation: Operation, who: &str) -> bool;
}
