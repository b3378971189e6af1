//! The state of one candidate, in one atomic word.
//!
//! A request for a healthy candidate costs one load. Every change is one compare-and-swap of the whole word, so no
//! two threads can both take the probe permit of a window, and a reader never sees half a change. A permit carries
//! the generation it was taken in: one that comes back after an operator cleared the candidate, or after a later
//! probe began, changes nothing.
//!
//! # Suspicion
//!
//! A failure can be the candidate's or the request's: a body that a model chokes on looks like a model that is down.
//! So a failure of which nobody knows whose it is puts the candidate under suspicion while its request goes on
//! elsewhere. Two signs together make it the candidate's: another candidate serves the same request, and this one has
//! answered nobody lately. Without them the failure leaves a mark, and the next failure of a *different* request, with
//! no answer between, is the second sign. One request, sent again however often, is never two; so whatever it
//! contains, it can't take a model from those for whom it works, and a model that is down is found out at the second
//! request at the latest. What is needed for that stands beside the word: when the candidate last answered, how many
//! streams it is sending, and the last mark. A healthy candidate's answer costs two loads, and a store a second.
//!
//! # Peers
//!
//! Other gateways may share the candidate ([`Peers`]). They are told of changes after the word has changed, and asked
//! for the permit of a window before a request takes it; the request that asks goes on to another candidate. What they
//! have to say comes back by the methods in `shared.rs`, which tell nobody. A request for a healthy candidate does not
//! come by here.

use std::fmt;
#[cfg(not(feature = "loom"))]
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

#[cfg(feature = "loom")]
use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::leave::Leave;
use crate::mark::{Failure, Mark};
use crate::moment::Moment;
use crate::peers::{Change, Ground, Peers};
use crate::word::{SUSPECTS_MAX, Word};

/// What a request may do with a candidate now.
#[derive(Debug)]
pub enum Admission {
    /// Call it.
    Open,
    /// Call it when no other candidate is open: a request failed there, and whose fault that is will be seen.
    Suspected,
    /// Call it, as the one request that finds out whether it is back.
    Probe(Permit),
    /// Leave it alone until then.
    Suspended {
        /// When the suspension ends.
        until: Moment,
    },
    /// Leave it alone: its one probe is under way.
    Probing,
    /// Leave it alone: an operator holds it.
    Held,
}

/// A candidate's state as an operator sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Gets traffic.
    Healthy,
    /// Gets traffic when no other candidate is open, until it is known whose fault a failure was.
    Suspected,
    /// Gets none until then.
    Suspended {
        /// When the suspension ends.
        until: Moment,
    },
    /// Its time is over, or ends early; one request is finding out.
    Probing,
    /// Its time is over; the next request will find out.
    Due,
    /// Isolated by an operator.
    Held,
}

/// How lately a candidate must have answered, before an attempt that failed, to be one that works for others.
const LATELY: Duration = Duration::from_secs(10);

/// How exactly it is kept when an untroubled candidate last answered, in milliseconds.
const GRAIN: u64 = 1_000;

/// The state of one candidate. See the module's text.
pub struct Gate {
    word: AtomicU64,
    /// When it last answered, in milliseconds; 0: never. Of an untroubled candidate at most [`GRAIN`] behind.
    answered: AtomicU64,
    /// Streams that it is sending.
    flowing: AtomicU32,
    /// The last failure that may have been its own, since it last answered; 0: none. See [`Mark`].
    mark: AtomicU64,
    /// Whether peers have left it the next probe.
    pub(crate) leave: Leave,
    pub(crate) peers: RwLock<Option<Arc<dyn Peers>>>,
}

impl Default for Gate {
    fn default() -> Self {
        Gate {
            word: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            flowing: AtomicU32::new(0),
            mark: AtomicU64::new(0),
            leave: Leave::default(),
            peers: RwLock::new(None),
        }
    }
}

/// What a failed attempt makes of a candidate.
#[derive(Debug)]
pub enum Suspected {
    /// It is not known yet whose fault it is.
    Open(Suspicion),
    /// Another request failed before, and nobody has been answered since: it is the candidate's.
    Confirmed,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.load();
        f.debug_struct("Gate")
            .field("until", &word.until())
            .field("probing", &word.probing())
            .field("held", &word.held())
            .field("failed", &word.failed())
            .field("suspects", &word.suspects())
            .field("generation", &word.generation())
            .finish()
    }
}

impl Gate {
    pub(crate) fn load(&self) -> Word {
        Word(self.word.load(Ordering::Acquire))
    }

    /// Applies `change` until it is taken or `change` gives `None`. Returns the word before and after.
    pub(crate) fn change(&self, change: impl Fn(Word) -> Option<Word>) -> Option<(Word, Word)> {
        let mut before = self.load();
        loop {
            let after = change(before)?;
            match self.word.compare_exchange_weak(
                before.0,
                after.0,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some((before, after)),
                Err(now) => before = Word(now),
            }
        }
    }

    /// Whether requests are admitted without a permit, whatever the time: one load, and no clock.
    pub fn is_open(&self) -> bool {
        let word = self.load();
        !word.held() && !word.suspended() && word.suspects() == 0
    }

    /// What a request may do with the candidate at `now`. At most one client gets the permit of a window.
    pub fn admit(self: &Arc<Self>, now: Moment) -> Admission {
        match decided(self.load(), now) {
            Some(admission) => admission,
            None => self.admit_due(now),
        }
    }

    /// Its time is over. Apart, so that who is open or suspended pays nothing for it.
    #[cold]
    #[inline(never)]
    fn admit_due(self: &Arc<Self>, now: Moment) -> Admission {
        loop {
            let word = self.load();
            if let Some(admission) = decided(word, now) {
                return admission;
            }
            if !self.may_probe(word.until(), now) {
                return Admission::Probing;
            }
            if let Some(permit) = self.take_permit(|w| w == word) {
                return Admission::Probe(permit);
            }
        }
    }

    /// The permit to probe a suspended candidate before its time is over, for when there is no other candidate.
    /// `None` while another probe is under way, while it is held, or when it is not suspended any more.
    pub fn probe_early(self: &Arc<Self>) -> Option<Permit> {
        self.take_permit(|w| w.suspended() && !w.probing() && !w.held())
    }

    fn take_permit(self: &Arc<Self>, may: impl Fn(Word) -> bool) -> Option<Permit> {
        let (_, after) = self.change(|w| may(w).then(|| w.with_probing(true).next_generation()))?;
        self.leave.taken();
        self.tell(Change::Probing);
        Some(Permit {
            gate: Arc::clone(self),
            generation: after.generation(),
            open: true,
        })
    }

    /// Suspends until `until`, or leaves a longer suspension as it is. Returns whether the end moved.
    pub fn suspend(&self, until: Moment) -> bool {
        self.suspend_on(Ground::Said, until)
    }

    /// As [`Gate::suspend`], for this reason.
    pub fn suspend_on(&self, ground: Ground, until: Moment) -> bool {
        let moved = self.lengthen(until);
        if moved {
            self.tell(Change::Suspended(ground));
        }
        moved
    }

    pub(crate) fn lengthen(&self, until: Moment) -> bool {
        self.change(|w| (w.until() < until).then(|| w.with_until(until)))
            .is_some()
    }

    /// Failed probes in a row.
    pub fn failed_probes(&self) -> u32 {
        self.load().failed()
    }

    /// The candidate has answered somebody: whatever was suspected of it, it works.
    pub fn answered(&self, now: Moment) {
        let untroubled = self.load().suspects() == 0 && self.mark.load(Ordering::Relaxed) == 0;
        let last = self.answered.load(Ordering::Relaxed);
        if untroubled && last != 0 && now.0 < last.saturating_add(GRAIN) {
            return;
        }
        self.answered.fetch_max(now.0.max(1), Ordering::AcqRel);
        if !untroubled {
            if self.mark.swap(0, Ordering::AcqRel) != 0 {
                self.tell(Change::Answered);
            }
            let suspected = |w: Word| w.suspects() > 0 && !w.suspended();
            self.change(|w| suspected(w).then(|| w.with_suspects(0).next_generation()));
        }
    }

    /// A stream of its has begun, and counts as an answer as long as the guard is there.
    pub fn flows(self: &Arc<Self>) -> Flowing {
        self.flowing.fetch_add(1, Ordering::AcqRel);
        Flowing(Arc::clone(self))
    }

    /// An attempt failed, and it is not known whose fault that is. While the suspicion is there, other requests prefer
    /// other candidates.
    pub fn suspect(self: &Arc<Self>, failure: Failure) -> Suspected {
        let mark = Mark::new(&failure);
        let before = Mark(self.mark.swap(mark.0, Ordering::AcqRel));
        self.tell(Change::Marked(mark.request()));
        if before.makes_two_with(&failure) {
            return Suspected::Confirmed;
        }
        let counted = self.change(|w| {
            let suspects = w.suspects() + 1;
            (suspects <= SUSPECTS_MAX).then(|| w.with_suspects(suspects))
        });
        Suspected::Open(Suspicion {
            generation: counted.map(|(_, after)| after.generation()),
            gate: Arc::clone(self),
            failure,
        })
    }

    /// Whether it has answered somebody since then or shortly before, or is answering now.
    pub(crate) fn works_for_others(&self, since: Moment) -> bool {
        let last = self.answered.load(Ordering::Acquire);
        let lately = LATELY.as_millis() as u64;
        self.flowing.load(Ordering::Acquire) > 0
            || last != 0 && last.saturating_add(lately) >= since.0
    }

    /// Forgets every failure; a hold stays. A probe under way then changes nothing when it ends.
    pub fn clear(&self) {
        self.forget();
        self.tell(Change::Cleared { operator: true });
    }

    pub(crate) fn forget(&self) {
        self.mark.store(0, Ordering::Release);
        self.change(|w| Some(w.cleared()));
    }

    pub(crate) fn set_mark(&self, mark: Option<Mark>) {
        self.mark.store(mark.map_or(0, |m| m.0), Ordering::Release);
    }

    /// Whether a failure has left a mark that no answer has taken away yet.
    pub fn is_marked(&self) -> bool {
        self.mark.load(Ordering::Relaxed) != 0
    }

    /// Isolates the candidate until [`Gate::release`].
    pub fn hold(&self) {
        self.set_held(true);
        self.tell(Change::Held(true));
    }

    /// Ends a hold; a suspension goes on.
    pub fn release(&self) {
        self.set_held(false);
        self.tell(Change::Held(false));
    }

    pub(crate) fn set_held(&self, held: bool) {
        self.change(|w| (w.held() != held).then(|| w.with_held(held)));
    }

    /// The state at `now`.
    pub fn state(&self, now: Moment) -> State {
        state(self.load(), now)
    }
}

#[inline(always)]
fn state(word: Word, now: Moment) -> State {
    if word.held() {
        State::Held
    } else if !word.suspended() {
        match word.suspects() {
            0 => State::Healthy,
            _ => State::Suspected,
        }
    } else if word.probing() {
        State::Probing
    } else if now < word.until() {
        State::Suspended {
            until: word.until(),
        }
    } else {
        State::Due
    }
}

/// What a request may do, if nothing has to be taken for it; `None`: the time is over.
#[inline(always)]
fn decided(word: Word, now: Moment) -> Option<Admission> {
    match state(word, now) {
        State::Held => Some(Admission::Held),
        State::Healthy => Some(Admission::Open),
        State::Suspected => Some(Admission::Suspected),
        State::Probing => Some(Admission::Probing),
        State::Suspended { until } => Some(Admission::Suspended { until }),
        State::Due => None,
    }
}

/// A failure of which it is not known yet whose it is. Dropped, it is lifted, and what stays is the mark.
pub struct Suspicion {
    gate: Arc<Gate>,
    failure: Failure,
    /// That of the word in which it is counted; `None`: there were too many to count it.
    generation: Option<u16>,
}

impl fmt::Debug for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suspicion")
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

impl Suspicion {
    /// Another candidate has served the request. Suspends this one, from the moment of the failure on, unless it
    /// works for others. Returns the end of the suspension.
    pub fn confirm(self, length: Duration) -> Option<Moment> {
        if self.gate.works_for_others(self.failure.began) {
            return None;
        }
        let until = self.failure.now.plus(length);
        self.gate.suspend_on(Ground::Inferred, until);
        Some(until)
    }
}

impl Drop for Suspicion {
    fn drop(&mut self) {
        if let Some(generation) = self.generation {
            self.gate.change(|w| {
                let mine = w.generation() == generation && w.suspects() > 0;
                mine.then(|| w.with_suspects(w.suspects() - 1))
            });
        }
    }
}

/// A stream that a candidate is sending.
pub struct Flowing(Arc<Gate>);

impl fmt::Debug for Flowing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flowing")
    }
}

impl Drop for Flowing {
    fn drop(&mut self) {
        self.0.flowing.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The right to send the one request that finds out whether a candidate is back. Dropped without a verdict
/// (cancelled, panicked), it goes back and the next request may probe.
pub struct Permit {
    gate: Arc<Gate>,
    generation: u16,
    open: bool,
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("generation", &self.generation)
            .finish()
    }
}

impl Permit {
    #[cold]
    #[inline(never)]
    fn give_back(&self) {
        let back = self
            .gate
            .change(|w| self.current(w).then(|| w.with_probing(false)));
        if back.is_some() {
            self.gate.tell(Change::GivenBack);
        }
    }

    fn current(&self, word: Word) -> bool {
        word.probing() && word.generation() == self.generation
    }

    /// The candidate answered: all traffic returns. Returns whether a suspension was lifted.
    pub fn succeeded(mut self) -> bool {
        self.open = false;
        let lifted = self.gate.change(|w| self.current(w).then(|| w.cleared()));
        if lifted.is_some() {
            self.gate.tell(Change::Cleared { operator: false });
        }
        lifted.is_some()
    }

    /// The candidate failed again: suspended for what `length` makes of the failed probes in a row, this one
    /// included. Returns the end of the suspension.
    pub fn failed(self, now: Moment, length: impl Fn(u32) -> Duration) -> Moment {
        self.failed_on(Ground::Inferred, now, length)
    }

    /// As [`Permit::failed`], for this reason.
    pub fn failed_on(
        mut self,
        ground: Ground,
        now: Moment,
        length: impl Fn(u32) -> Duration,
    ) -> Moment {
        self.open = false;
        let changed = self.gate.change(|w| {
            let current = self.current(w);
            let failed = w.failed() + u32::from(current);
            let until = now.plus(length(failed)).max(w.until());
            let w = w.with_until(until);
            Some(if current {
                w.with_probing(false).with_failed(failed)
            } else {
                w
            })
        });
        self.gate.tell(Change::Suspended(ground));
        changed.map_or(now, |(_, after)| after.until())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.open {
            self.give_back();
        }
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests;
