//! Whether the peers of a gate have left it the permit of a window, in one word beside the gate's own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::moment::Moment;
use crate::word::UNTIL_MASK;

const ASKED: u64 = 1 << 62;
const GIVEN: u64 = 1 << 63;

/// Longest time for an answer to come; whoever wants the permit then asks anew.
const ANSWERED: Duration = Duration::from_secs(2);

/// A window is named by the end of its suspension: when that moves, what was asked and given is worth nothing.
#[derive(Default)]
pub(crate) struct Leave {
    word: AtomicU64,
    /// Until when it is good, or an answer is waited for.
    ends: AtomicU64,
}

impl Leave {
    pub(crate) fn is_given(&self, window: Moment, now: Moment) -> bool {
        self.word.load(Ordering::Acquire) == GIVEN | window.0 & UNTIL_MASK
            && now.0 < self.ends.load(Ordering::Acquire)
    }

    /// Whether the caller is the one to ask for the permit.
    pub(crate) fn ask(&self, window: Moment, now: Moment) -> bool {
        let word = self.word.load(Ordering::Acquire);
        let window = window.0 & UNTIL_MASK;
        let asked = word == ASKED | window || word == GIVEN | window;
        let ends = self.ends.load(Ordering::Acquire);
        if asked && now.0 < ends {
            return false;
        }
        let first = self
            .ends
            .compare_exchange(
                ends,
                now.plus(ANSWERED).0,
                Ordering::AcqRel,
                Ordering::Acquire,
            )
            .is_ok();
        if first {
            self.word.store(ASKED | window, Ordering::Release);
        }
        first
    }

    pub(crate) fn give(&self, window: Moment, ends: Moment) {
        // One that is given for another window meanwhile is not good for this one.
        self.word.store(ASKED, Ordering::Release);
        self.ends.store(ends.0, Ordering::Release);
        self.word
            .store(GIVEN | window.0 & UNTIL_MASK, Ordering::Release);
    }

    /// It can be asked for again from then on.
    pub(crate) fn refuse(&self, window: Moment, again: Moment) {
        if self.word.load(Ordering::Acquire) == ASKED | window.0 & UNTIL_MASK {
            self.ends.store(again.0, Ordering::Release);
        }
    }

    /// A request has it: good for one.
    pub(crate) fn taken(&self) {
        self.word.store(0, Ordering::Release);
    }
}
