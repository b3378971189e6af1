//! The state of one candidate, in one atomic word.
//!
//! A request for a healthy candidate costs one load. Every change is one compare-and-swap of the whole word, so no
//! two threads can both take the probe permit of a window, and a reader never sees half a change. A permit carries
//! the generation it was taken in: one that comes back after an operator cleared the candidate, or after a later
//! probe began, changes nothing.

use std::fmt;
use std::sync::Arc;
#[cfg(not(feature = "loom"))]
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[cfg(feature = "loom")]
use loom::sync::atomic::{AtomicU64, Ordering};

use crate::moment::Moment;

/// What a request may do with a candidate now.
#[derive(Debug)]
pub enum Admission {
    /// Call it.
    Open,
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

/// The word: 40 bits of milliseconds (34 years), two flags, failed probes in a row, the generation.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Word(u64);

const UNTIL_MASK: u64 = (1 << 40) - 1;
const PROBING: u64 = 1 << 40;
const HELD: u64 = 1 << 41;
const FAILED_SHIFT: u32 = 42;
const FAILED_MAX: u64 = (1 << 6) - 1;
const GENERATION_SHIFT: u32 = 48;

impl Word {
    fn until(self) -> Moment {
        Moment(self.0 & UNTIL_MASK)
    }

    fn suspended(self) -> bool {
        self.0 & UNTIL_MASK != 0
    }

    fn probing(self) -> bool {
        self.0 & PROBING != 0
    }

    fn held(self) -> bool {
        self.0 & HELD != 0
    }

    fn failed(self) -> u32 {
        ((self.0 >> FAILED_SHIFT) & FAILED_MAX) as u32
    }

    fn generation(self) -> u16 {
        (self.0 >> GENERATION_SHIFT) as u16
    }

    fn with_until(self, until: Moment) -> Word {
        Word(self.0 & !UNTIL_MASK | until.0.clamp(1, UNTIL_MASK))
    }

    fn with_probing(self, probing: bool) -> Word {
        Word(if probing {
            self.0 | PROBING
        } else {
            self.0 & !PROBING
        })
    }

    fn with_held(self, held: bool) -> Word {
        Word(if held { self.0 | HELD } else { self.0 & !HELD })
    }

    fn with_failed(self, failed: u32) -> Word {
        let failed = u64::from(failed).min(FAILED_MAX);
        Word(self.0 & !(FAILED_MAX << FAILED_SHIFT) | failed << FAILED_SHIFT)
    }

    fn next_generation(self) -> Word {
        let generation = u64::from(self.generation().wrapping_add(1));
        Word(self.0 & ((1 << GENERATION_SHIFT) - 1) | generation << GENERATION_SHIFT)
    }

    /// Healthy, with the operator's hold and a new generation kept.
    fn cleared(self) -> Word {
        Word(self.0 & (HELD | u64::MAX << GENERATION_SHIFT)).next_generation()
    }
}

/// The state of one candidate. See the module's text.
pub struct Gate(AtomicU64);

impl Default for Gate {
    fn default() -> Self {
        Gate(AtomicU64::new(0))
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.load();
        f.debug_struct("Gate")
            .field("until", &word.until())
            .field("probing", &word.probing())
            .field("held", &word.held())
            .field("failed", &word.failed())
            .field("generation", &word.generation())
            .finish()
    }
}

impl Gate {
    fn load(&self) -> Word {
        Word(self.0.load(Ordering::Acquire))
    }

    /// Applies `change` until it is taken or `change` gives `None`. Returns the word before and after.
    fn change(&self, change: impl Fn(Word) -> Option<Word>) -> Option<(Word, Word)> {
        let mut before = self.load();
        loop {
            let after = change(before)?;
            match self.0.compare_exchange_weak(
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

    /// What a request may do with the candidate at `now`. At most one caller gets the permit of a window.
    pub fn admit(self: &Arc<Self>, now: Moment) -> Admission {
        loop {
            let word = self.load();
            if word.held() {
                return Admission::Held;
            }
            if !word.suspended() {
                return Admission::Open;
            }
            if word.probing() {
                return Admission::Probing;
            }
            if now < word.until() {
                return Admission::Suspended {
                    until: word.until(),
                };
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
        Some(Permit {
            gate: Arc::clone(self),
            generation: after.generation(),
            open: true,
        })
    }

    /// Suspends until `until`, or leaves a longer suspension as it is. Returns whether the end moved.
    pub fn suspend(&self, until: Moment) -> bool {
        self.change(|w| (w.until() < until).then(|| w.with_until(until)))
            .is_some()
    }

    /// Failed probes in a row.
    pub fn failed_probes(&self) -> u32 {
        self.load().failed()
    }

    /// Forgets every failure; a hold stays. A probe under way then changes nothing when it ends.
    pub fn clear(&self) {
        self.change(|w| Some(w.cleared()));
    }

    /// Isolates the candidate until [`Gate::release`].
    pub fn hold(&self) {
        self.change(|w| Some(w.with_held(true)));
    }

    /// Ends a hold; a suspension goes on.
    pub fn release(&self) {
        self.change(|w| Some(w.with_held(false)));
    }

    /// The state at `now`.
    pub fn state(&self, now: Moment) -> State {
        let word = self.load();
        if word.held() {
            State::Held
        } else if !word.suspended() {
            State::Healthy
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
    fn current(&self, word: Word) -> bool {
        word.probing() && word.generation() == self.generation
    }

    /// The candidate answered: all traffic returns. Returns whether a suspension was lifted.
    pub fn succeeded(mut self) -> bool {
        self.open = false;
        self.gate
            .change(|w| self.current(w).then(|| w.cleared()))
            .is_some()
    }

    /// The candidate failed again: suspended for what `length` makes of the failed probes in a row, this one
    /// included. Returns the end of the suspension.
    pub fn failed(mut self, now: Moment, length: impl Fn(u32) -> Duration) -> Moment {
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
        changed.map_or(now, |(_, after)| after.until())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.open {
            self.gate
                .change(|w| self.current(w).then(|| w.with_probing(false)));
        }
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use super::*;

    const T0: Moment = Moment(1_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn gate() -> Arc<Gate> {
        Arc::new(Gate::default())
    }

    fn probe(gate: &Arc<Gate>, now: Moment) -> Permit {
        match gate.admit(now) {
            Admission::Probe(permit) => permit,
            other => panic!("expected a probe permit, got {other:?}"),
        }
    }

    #[test]
    fn a_new_candidate_is_open() {
        assert!(matches!(gate().admit(T0), Admission::Open));
    }

    #[test]
    fn a_suspended_candidate_gets_nothing_until_its_time_is_over() {
        let gate = gate();
        let until = T0.plus(MINUTE);
        assert!(gate.suspend(until));
        for now in [T0, Moment(until.0 - 1)] {
            assert!(matches!(gate.admit(now), Admission::Suspended { until: u } if u == until));
        }
        assert!(matches!(gate.admit(until), Admission::Probe(_)));
    }

    #[test]
    fn a_suspension_is_lengthened_but_never_shortened() {
        let gate = gate();
        assert!(gate.suspend(T0.plus(MINUTE)));
        assert!(!gate.suspend(T0.plus(MINUTE / 2)));
        assert_eq!(
            gate.state(T0),
            State::Suspended {
                until: T0.plus(MINUTE)
            }
        );
        assert!(gate.suspend(T0.plus(MINUTE * 2)));
        assert_eq!(
            gate.state(T0),
            State::Suspended {
                until: T0.plus(MINUTE * 2)
            }
        );
    }

    #[test]
    fn a_successful_probe_returns_all_traffic() {
        let gate = gate();
        gate.suspend(T0);
        let permit = probe(&gate, T0);
        assert!(matches!(gate.admit(T0), Admission::Probing));
        assert!(permit.succeeded());
        assert!(matches!(gate.admit(T0), Admission::Open));
        assert_eq!(gate.failed_probes(), 0);
    }

    #[test]
    fn failed_probes_in_a_row_are_counted_and_forgotten_by_a_success() {
        let gate = gate();
        gate.suspend(T0);
        let mut now = T0;
        for expected in 1..=3 {
            now = probe(&gate, now).failed(now, |failed| {
                assert_eq!(failed, expected);
                MINUTE * failed
            });
            assert!(matches!(gate.admit(T0), Admission::Suspended { .. }));
        }
        probe(&gate, now).succeeded();
        assert_eq!(gate.failed_probes(), 0);
    }

    #[test]
    fn a_dropped_permit_goes_back() {
        let gate = gate();
        gate.suspend(T0);
        drop(probe(&gate, T0));
        assert!(matches!(gate.admit(T0), Admission::Probe(_)));
    }

    #[test]
    fn a_permit_goes_back_when_its_holder_panics() {
        let gate = gate();
        gate.suspend(T0);
        let permit = probe(&gate, T0);
        let _ = thread::spawn(move || {
            let _permit = permit;
            panic!("the probing request panicked");
        })
        .join();
        assert!(matches!(gate.admit(T0), Admission::Probe(_)));
    }

    #[test]
    fn a_stale_permit_does_not_reach_into_the_next_cycle() {
        let gate = gate();
        gate.suspend(T0);
        let stale = probe(&gate, T0);
        gate.clear();
        gate.suspend(T0.plus(MINUTE));
        assert!(
            !stale.succeeded(),
            "a stale success must not lift a new suspension"
        );
        assert!(matches!(gate.admit(T0), Admission::Suspended { .. }));
    }

    #[test]
    fn an_early_probe_is_single_too() {
        let gate = gate();
        assert!(
            gate.probe_early().is_none(),
            "a healthy candidate needs no probe"
        );
        gate.suspend(T0.plus(MINUTE));
        let permit = gate.probe_early().unwrap();
        assert!(gate.probe_early().is_none());
        assert!(matches!(gate.admit(T0.plus(MINUTE)), Admission::Probing));
        drop(permit);
        assert!(matches!(gate.admit(T0), Admission::Suspended { .. }));
    }

    #[test]
    fn a_hold_lasts_until_it_is_released_and_outlives_a_clear() {
        let gate = gate();
        gate.hold();
        gate.clear();
        assert!(matches!(gate.admit(T0), Admission::Held));
        assert!(gate.probe_early().is_none());
        gate.suspend(T0.plus(MINUTE));
        gate.release();
        assert!(matches!(gate.admit(T0), Admission::Suspended { .. }));
    }

    #[test]
    fn however_many_threads_race_one_gets_the_permit() {
        for _ in 0..200 {
            let gate = gate();
            gate.suspend(T0);
            let permits = AtomicUsize::new(0);
            let start = Barrier::new(4);
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        start.wait();
                        if let Admission::Probe(permit) = gate.admit(T0) {
                            permits.fetch_add(1, Ordering::Relaxed);
                            std::mem::forget(permit);
                        }
                    });
                }
            });
            assert_eq!(permits.load(Ordering::Relaxed), 1);
        }
    }
}
