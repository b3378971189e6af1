//! The picture that operators get of the policies, their candidates and what was counted of both.

use std::collections::BTreeMap;
use std::sync::Arc;

use failover_metrics::{
    Api, ApiNumbers, Candidate, CandidateName, Counted, Failure, Health, Latency, MINUTES, Minute,
    Note, Operation, Policy, Section, Snapshot,
};
use failover_policy::KeyType;
use failover_suspension::{Key, Moment, Status};

use crate::attached::AttachedPolicy;
use crate::forecast::{left, shown};
use crate::registry::{Registry, Scope};

/// The most candidates that are shown.
const SHOWN: usize = 1000;

impl Registry {
    /// What there is to see now. Of the health what is known here: memory.
    pub fn snapshot(&self) -> Snapshot {
        let now = self.clock().now();
        let mut all = self.cache().list(now);
        let omitted = all.len().saturating_sub(SHOWN);
        all.truncate(SHOWN);
        let mut apis: BTreeMap<Scope, Vec<Status>> = BTreeMap::new();
        for status in all {
            let scope = Scope {
                tenant: status.key.tenant.clone(),
                api: status.key.api.clone(),
                version: status.key.version.clone(),
            };
            apis.entry(scope).or_default().push(status);
        }
        let attached = self.attached();
        let memory = self.memory();
        Snapshot {
            version: env!("CARGO_PKG_VERSION"),
            apis: apis
                .into_iter()
                .map(|(scope, candidates)| self.api(scope, &candidates, &attached, now))
                .collect(),
            health: Health {
                held_bytes: memory.buffered(),
                peak_bytes: memory.peak(),
                memory_refusals: memory.refused(),
                ..Health::default()
            },
            drills: false,
            omitted,
        }
    }

    /// Does something to a candidate; whether it is known.
    pub fn steer(&self, candidate: &CandidateName, operation: Operation) -> bool {
        let key = Key {
            tenant: candidate.tenant.clone(),
            api: candidate.api.clone(),
            version: candidate.version.clone(),
            endpoint_id: candidate.endpoint.clone(),
            model: candidate.model.clone(),
        };
        let Some(gate) = self.cache().find(&key) else {
            return false;
        };
        match operation {
            Operation::Hold => gate.hold(),
            Operation::Release => gate.release(),
            Operation::Clear => gate.clear(),
            Operation::Drill { length, percent } => {
                let Some(numbers) = self.numbers(&key) else {
                    return false;
                };
                let now = self.clock().now().0;
                numbers.drill().rehearse(now, length, percent);
            }
        }
        true
    }

    fn api(
        &self,
        scope: Scope,
        candidates: &[Status],
        attached: &[Arc<AttachedPolicy>],
        now: Moment,
    ) -> Api {
        let (numbers, none) = (self.api_numbers(&scope), ApiNumbers::default());
        let numbers: &ApiNumbers = numbers.as_deref().unwrap_or(&none);
        let (retries, retries_refused) = numbers.retries();
        let (continued, not_continued) = numbers.continuations();
        let its = attached.iter().filter(|policy| policy.scope == scope);
        Api {
            policies: its
                .map(|policy| Policy {
                    production: section(policy, KeyType::Production, candidates, now),
                    sandbox: section(policy, KeyType::Sandbox, candidates, now),
                })
                .collect(),
            candidates: candidates.iter().map(|c| self.candidate(c, now)).collect(),
            tenant: scope.tenant,
            name: scope.api,
            version: scope.version,
            requests: numbers.requests(),
            in_flight: numbers.in_flight(),
            retries,
            retries_refused,
            continued,
            not_continued,
            delays: numbers.delays.read(),
        }
    }

    fn candidate(&self, status: &Status, now: Moment) -> Candidate {
        let numbers = self.numbers(&status.key);
        let numbers = numbers.as_deref();
        let durations = numbers.map_or(Counted::default(), |n| n.durations.read());
        let first_chunks = numbers.map_or(Counted::default(), |n| n.first_chunks.read());
        let suspended_ms = left(status.state, now).as_millis() as u64;
        let drill = numbers.and_then(|n| n.drill().share(now.0));
        Candidate {
            endpoint: status.key.endpoint_id.clone(),
            model: status.key.model.clone(),
            state: shown(status.state),
            suspended_ms,
            why: numbers
                .filter(|_| suspended_ms > 0)
                .and_then(|n| n.why())
                .map(|note| note.words),
            marked: status.marked,
            failed_probes: status.failed_probes,
            in_flight: numbers.map_or(0, |n| n.in_flight()),
            attempts: numbers.map_or(Vec::new(), |n| n.attempts()),
            suspensions: numbers.map_or(Vec::new(), |n| n.suspensions()),
            probes: numbers.map_or(Vec::new(), |n| n.probes()),
            hints: numbers.map_or(0, |n| n.hints()),
            rehearsed: numbers.map_or(0, |n| n.rehearsals()),
            drill: drill.map(|(percent, left)| (percent, left.as_millis() as u64)),
            latency: numbers.map_or(Latency::default(), |n| {
                n.latency(now.0, &durations, &first_chunks)
            }),
            minutes: numbers.map_or([Minute::default(); MINUTES], |n| n.minutes.read(now.0)),
            failures: numbers.map_or(Vec::new(), |n| {
                n.failures().into_iter().map(failure).collect()
            }),
            durations,
            first_chunks,
            between_chunks: numbers.map_or(Counted::default(), |n| n.between_chunks.read()),
        }
    }
}

fn failure(note: Note) -> Failure {
    Failure {
        seconds_ago: note.at.elapsed().as_secs(),
        words: note.words,
    }
}

fn section(
    policy: &AttachedPolicy,
    key_type: KeyType,
    shown: &[Status],
    now: Moment,
) -> Option<Section> {
    let candidates = policy.candidates(key_type);
    let target = candidates.first()?;
    let place = |model: &str, endpoint: &str| {
        let is = |s: &Status| s.key.model == model && s.key.endpoint_id == endpoint;
        shown.iter().position(is)
    };
    Some(Section {
        target: target.model.clone(),
        candidates: candidates
            .iter()
            .filter_map(|c| place(&c.model, &c.endpoint_id))
            .collect(),
        forecast: policy.forecast(key_type, now),
    })
}
