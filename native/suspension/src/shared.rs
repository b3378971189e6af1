//! What a gate hears from its [`Peers`], and what they look at. Nothing here tells them anything back.

use std::sync::{Arc, PoisonError};

use crate::gate::{Gate, State};
use crate::mark::{Failure, Mark};
use crate::moment::Moment;
use crate::peers::Peers;

/// A gate as its peers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The end of its suspension, which may be past; `None`: it is not suspended.
    pub until: Option<Moment>,
    /// Failed probes in a row.
    pub failed: u32,
    /// Whether a request probes it.
    pub probing: bool,
    /// Whether an operator holds it.
    pub held: bool,
}

impl Gate {
    /// Shares it from now on; `None`: with nobody.
    pub fn share(&self, peers: Option<Arc<dyn Peers>>) {
        *self.peers.write().unwrap_or_else(PoisonError::into_inner) = peers;
    }

    /// What there is to share.
    pub fn view(&self) -> View {
        let word = self.load();
        View {
            until: word.suspended().then(|| word.until()),
            failed: word.failed(),
            probing: word.probing(),
            held: word.held(),
        }
    }

    /// Whether it answers requests here, or has done so in the last ten seconds.
    pub fn answers(&self, now: Moment) -> bool {
        self.works_for_others(now)
    }

    /// Another gateway has suspended it, after so many failed probes in a row. Lengthens, never shortens.
    pub fn learn_suspended(&self, until: Moment, failed: u32) -> bool {
        self.change(|w| {
            let longer = w.until() < until;
            let after = if longer { w.with_until(until) } else { w };
            let after = after.with_failed(failed.max(w.failed()));
            (after != w).then_some(after)
        });
        self.load().until() == until
    }

    /// Another gateway has cleared it. A probe that is under way here changes nothing when it ends.
    pub fn learn_cleared(&self) {
        self.forget();
    }

    /// Another gateway's operator holds it, or has released it.
    pub fn learn_held(&self, held: bool) {
        self.set_held(held);
    }

    /// A failure at another gateway has left a mark, or it was taken away. As if the failure had been just now:
    /// attempts that are under way do not make two with it.
    pub fn learn_marked(&self, request: Option<u64>, now: Moment) {
        self.set_mark(request.map(|request| {
            Mark::new(&Failure {
                began: now,
                now,
                request,
            })
        }));
    }

    /// The peers leave the permit of the window that begins at `window` to this gateway, until then.
    pub fn give_leave(&self, window: Moment, ends: Moment) {
        self.leave.give(window, ends);
    }

    /// They do not; from then on they can be asked again.
    pub fn refuse_leave(&self, window: Moment, again: Moment) {
        self.leave.refuse(window, again);
    }

    /// The state at `now` as a request meets it: one that would have to ask the peers goes on, as if it were being
    /// probed.
    pub fn admits(&self, now: Moment) -> State {
        match self.state(now) {
            State::Due if self.must_ask(now) => State::Probing,
            state => state,
        }
    }

    fn must_ask(&self, now: Moment) -> bool {
        let word = self.load();
        let peers = self.peers.read().unwrap_or_else(PoisonError::into_inner);
        peers.as_ref().is_some_and(|peers| peers.reachable())
            && !self.leave.is_given(word.until(), now)
    }
}
