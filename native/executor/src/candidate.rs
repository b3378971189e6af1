//! A candidate as its requests see it, and the right to call it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use failover_metrics::CandidateNumbers;
use failover_suspension::{Gate, Permit};

/// A candidate with its state.
#[derive(Debug)]
pub(crate) struct CandidateState {
    pub(crate) model: String,
    pub(crate) endpoint_id: String,
    pub(crate) gate: Arc<Gate>,
    pub(crate) numbers: Arc<CandidateNumbers>,
    /// Whether it has refused to be asked for a stream's usage.
    pub(crate) refuses_usage: AtomicBool,
}

/// The right to call a candidate now.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// Its index in the section.
    pub(crate) index: usize,
    /// Set when this is the one request that probes it.
    pub(crate) permit: Option<Permit>,
}
