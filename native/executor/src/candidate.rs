//! A candidate as its requests see it, and the right to call it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use failover_metrics::CandidateNumbers;
use failover_suspension::{Gate, Permit};

use crate::clock::Clock;
use crate::outcome::Outcome;

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

impl CandidateState {
    /// What this attempt comes to, if it is one that an operator has fail; that is counted.
    pub(crate) fn rehearsed(&self, clock: Clock) -> Option<Outcome> {
        let drill = self.numbers.drill();
        if !drill.is_set() {
            return None;
        }
        let (percent, _) = drill.share(clock.now().0)?;
        (fastrand::u8(0..100) < percent).then(|| {
            self.numbers.rehearsed();
            Outcome::Rehearsed {
                wholly: percent == 100,
            }
        })
    }
}

/// The right to call a candidate now.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// Its index in the section.
    pub(crate) index: usize,
    /// Set when this is the one request that probes it.
    pub(crate) permit: Option<Permit>,
}
