//! A picture of a gateway for these tests.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::sync::Mutex;
use std::time::Duration;

use failover_metrics::{
    Api, Candidate, CandidateName, Counted, Forecast, Health, Histogram, Latency, MINUTES, Minute,
    Operation, Policy, Section, Snapshot, Source, State, TraceId,
};

/// A model whose name holds everything that a label must escape.
pub const ODD: &str = "a\"b\\c\nd{e}";

pub fn candidate(model: &str, state: State) -> Candidate {
    let durations = Histogram::default();
    let trace = TraceId::of_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    durations.record(Duration::from_millis(300), trace);
    durations.record(Duration::from_secs(3), None);
    let durations = durations.read();
    Candidate {
        endpoint: "e1".into(),
        model: model.into(),
        state,
        suspended_ms: 12_500,
        why: Some("answered 503".into()),
        marked: false,
        failed_probes: 2,
        in_flight: 1,
        attempts: vec![("answered", 7), ("unavailable", 3)],
        suspensions: vec![("unavailable", 1)],
        probes: vec![("succeeded", 1), ("failed", 2), ("undecided", 0)],
        hints: 1,
        rehearsed: 0,
        drill: None,
        latency: Latency::of(&durations, &Counted::default()),
        minutes: [Minute::default(); MINUTES],
        failures: Vec::new(),
        durations,
        first_chunks: Counted::default(),
        between_chunks: Counted::default(),
    }
}

pub fn snapshot() -> Snapshot {
    let section = Section {
        target: ODD.into(),
        candidates: vec![0, 1],
        forecast: Forecast {
            goes_to: Some(1),
            probes: false,
            passed_over: Vec::new(),
            retry_after: None,
            words: String::new(),
        },
    };
    Snapshot {
        version: "1.0.0",
        apis: vec![Api {
            tenant: "carbon.super".into(),
            name: "AssistantAPI".into(),
            version: "1.0.0".into(),
            requests: vec![("answered", 7), ("fell_over", 3)],
            in_flight: 1,
            retries: 1,
            retries_refused: 0,
            continued: 1,
            not_continued: 0,
            delays: Counted::default(),
            policies: vec![Policy {
                production: Some(section),
                sandbox: None,
            }],
            candidates: vec![
                candidate(ODD, State::Suspended),
                candidate("other", State::Healthy),
            ],
        }],
        health: Health {
            max_memory: Some(1 << 30),
            ..Health::default()
        },
        drills: false,
        omitted: 0,
    }
}

/// A gateway that is always the same, and remembers what was done to it.
#[derive(Default)]
pub struct Still {
    pub steered: Mutex<Vec<(CandidateName, Operation)>>,
}

impl Source for Still {
    fn snapshot(&self) -> Snapshot {
        snapshot()
    }

    fn steer(&self, candidate: &CandidateName, operation: Operation, who: &str) -> bool {
        assert!(who.contains("127.0.0.1"), "{who}");
        let known = candidate.model == "other";
        if known {
            let mut steered = self.steered.lock().unwrap();
            steered.push((candidate.clone(), operation));
        }
        known
    }
}
