//! Other gateways that share a candidate's state: what a gate tells them, and whom it asks for the permit of a window.
//! How they are reached is nobody's business here.

use std::fmt;

use crate::moment::Moment;

/// What a suspension is based on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// The provider has said it: a limit, an account, a model that is not there. So it is for every gateway.
    Said,
    /// It was concluded from what failed here. A gateway that the candidate answers knows better.
    Inferred,
}

/// What has become of a candidate at this gateway, by its own requests or operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was suspended, or for longer.
    Suspended(Ground),
    /// Every failure was forgotten: a probe was answered, or an operator wanted it.
    Cleared {
        /// Whether an operator did it.
        operator: bool,
    },
    /// An operator holds it, or has released it.
    Held(bool),
    /// A failure has left a mark: the low bits of its request's hash.
    Marked(u64),
    /// It has answered somebody, which took a mark away.
    Answered,
    /// A request has found its time over, and wants to probe it.
    Due(Moment),
    /// A request probes it.
    Probing,
    /// The permit of a probe came back without a verdict.
    GivenBack,
}

/// Those who share one candidate. Called on the thread on which its state changes, also a request's: nothing here may
/// wait.
pub trait Peers: fmt::Debug + Send + Sync {
    /// Takes note of a change.
    fn changed(&self, change: Change);

    /// Whether they can be asked for permits now. If not, a gate gives its own.
    fn reachable(&self) -> bool;
}
