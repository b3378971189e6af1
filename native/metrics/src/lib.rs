//! What the gateway's operators see: counters and histograms, one picture of them and of the candidates' states, and
//! the listener that shows it.
//!
//! [`CandidateNumbers`] and [`ApiNumbers`] are written by requests: each record is a few relaxed additions to atomics,
//! without a lock and without an allocation; what is told of a failure in words stands behind a mutex that failures
//! alone take, and the histograms of the last minutes are marked off by the first request of each. A [`Snapshot`] is read from them; the Prometheus text ([`exposition`]), the page, its JSON and JMX show
//! that and nothing else. [`Listener`] serves the first three on a thread of its own, and steers candidates through the
//! trait [`Source`].

#![deny(unsafe_code)]

pub mod exposition;
mod families;
mod histogram;
mod listener;
mod minutes;
mod numbers;
mod recent;
mod snapshot;

pub use histogram::{BOUNDS, Counted, Exemplar, Histogram, TraceId};
pub use listener::{Listener, Options, Token};
pub use minutes::{MINUTES, Minute, Minutes};
pub use numbers::{
    ApiNumbers, Attempting, CandidateNumbers, Drill, Ended, Note, Probe, Requesting, Served,
};
pub use recent::LATELY;
pub use snapshot::{
    Api, Candidate, CandidateName, Cluster, Failure, Forecast, Health, Latency, Operation,
    PassedOver, Policy, Section, Snapshot, Source, State,
};
