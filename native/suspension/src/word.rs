//! What is known of one candidate and changes at once, in 64 bits.

use crate::moment::Moment;

/// The word: 40 bits of milliseconds (34 years), two flags, failed probes in a row, open suspicions, the generation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) u64);

pub(crate) const UNTIL_MASK: u64 = (1 << 40) - 1;
const PROBING: u64 = 1 << 40;
const HELD: u64 = 1 << 41;
const FAILED_SHIFT: u32 = 42;
const FAILED_MAX: u64 = (1 << 6) - 1;
const SUSPECTS_SHIFT: u32 = 48;
pub(crate) const SUSPECTS_MAX: u64 = (1 << 4) - 1;
const GENERATION_SHIFT: u32 = 52;

impl Word {
    pub(crate) fn until(self) -> Moment {
        Moment(self.0 & UNTIL_MASK)
    }

    pub(crate) fn suspended(self) -> bool {
        self.0 & UNTIL_MASK != 0
    }

    pub(crate) fn probing(self) -> bool {
        self.0 & PROBING != 0
    }

    pub(crate) fn held(self) -> bool {
        self.0 & HELD != 0
    }

    pub(crate) fn failed(self) -> u32 {
        ((self.0 >> FAILED_SHIFT) & FAILED_MAX) as u32
    }

    pub(crate) fn generation(self) -> u16 {
        (self.0 >> GENERATION_SHIFT) as u16
    }

    pub(crate) fn suspects(self) -> u64 {
        (self.0 >> SUSPECTS_SHIFT) & SUSPECTS_MAX
    }

    pub(crate) fn with_suspects(self, suspects: u64) -> Word {
        Word(self.0 & !(SUSPECTS_MAX << SUSPECTS_SHIFT) | suspects << SUSPECTS_SHIFT)
    }

    pub(crate) fn with_until(self, until: Moment) -> Word {
        Word(self.0 & !UNTIL_MASK | until.0.clamp(1, UNTIL_MASK))
    }

    pub(crate) fn with_probing(self, probing: bool) -> Word {
        Word(if probing {
            self.0 | PROBING
        } else {
            self.0 & !PROBING
        })
    }

    pub(crate) fn with_held(self, held: bool) -> Word {
        Word(if held { self.0 | HELD } else { self.0 & !HELD })
    }

    pub(crate) fn with_failed(self, failed: u32) -> Word {
        let failed = u64::from(failed).min(FAILED_MAX);
        Word(self.0 & !(FAILED_MAX << FAILED_SHIFT) | failed << FAILED_SHIFT)
    }

    pub(crate) fn next_generation(self) -> Word {
        let generation =
            u64::from(self.generation().wrapping_add(1)) & (u64::MAX >> GENERATION_SHIFT);
        Word(self.0 & ((1 << GENERATION_SHIFT) - 1) | generation << GENERATION_SHIFT)
    }

    /// Healthy, with the operator's hold and a new generation kept.
    pub(crate) fn cleared(self) -> Word {
        Word(self.0 & (HELD | u64::MAX << GENERATION_SHIFT)).next_generation()
    }
}
