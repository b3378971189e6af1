//! What is counted, and what operators see of the link.

use std::time::Duration;

use failover_suspension::Moment;

/// What a node has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Operations that went out.
    pub sent: u64,
    /// Those that came to nothing.
    pub failed: u64,
    /// Changes of other nodes that were heard of.
    pub heard: u64,
    /// Permits that this node gave itself, because nobody answered in time.
    pub alone: u64,
    /// Probes that began although another node had the permit.
    pub collisions: u64,
    /// When the store last answered.
    pub last_reply: Option<Moment>,
    /// How long that took.
    pub round_trip: Duration,
}

/// The link as operators see it.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// Whether suspensions are shared now.
    pub up: bool,
    /// Why not; or what the store has refused last. Empty: nothing is wrong.
    pub error: String,
    /// How often there was a link.
    pub links: u64,
    /// Changes that were dropped, because too many waited; everything was looked at again instead.
    pub dropped: u64,
    /// Changes and operations that wait or are under way.
    pub backlog: usize,
    /// Since the store last answered; `None`: it never has.
    pub silent_for: Option<Duration>,
    /// What was counted.
    pub counts: Counts,
}
