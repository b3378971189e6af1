//! What a gate tells its [`Peers`], and what it asks them.

use std::sync::{Arc, PoisonError};

use crate::gate::Gate;
use crate::moment::Moment;
use crate::peers::{Change, Peers};

impl Gate {
    /// Whether a request may take the permit of the window that begins at `until`. One that may not has asked for it,
    /// if nobody has.
    pub(crate) fn may_probe(&self, until: Moment, now: Moment) -> bool {
        let peers = self.peers();
        let Some(peers) = peers.filter(|p| p.reachable()) else {
            return true;
        };
        if self.leave.is_given(until, now) {
            return true;
        }
        if self.leave.ask(until, now) {
            peers.changed(Change::Due(until));
        }
        false
    }

    fn peers(&self) -> Option<Arc<dyn Peers>> {
        let peers = self.peers.read().unwrap_or_else(PoisonError::into_inner);
        peers.clone()
    }

    pub(crate) fn tell(&self, change: Change) {
        if let Some(peers) = self.peers() {
            peers.changed(change);
        }
    }
}
