//! How a candidate has answered, minute by minute.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::Serialize;

/// How many minutes are kept, the present one among them.
pub const MINUTES: usize = 30;

/// 20 bits each for what was answered and what failed, the minute above them.
const COUNT: u64 = (1 << 20) - 1;
const FAILED_SHIFT: u32 = 20;
const MINUTE_SHIFT: u32 = 40;

/// The last minutes of one candidate. Counting is one atomic step; more than a million in a minute are a million.
#[derive(Debug)]
pub struct Minutes([AtomicU64; MINUTES]);

impl Default for Minutes {
    fn default() -> Self {
        Minutes(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

/// What came in one minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Minute {
    /// Attempts that were answered.
    pub answered: u32,
    /// Attempts that were not.
    pub failed: u32,
}

impl Minutes {
    /// Counts an attempt; `millis` by a monotonic clock.
    pub fn record(&self, millis: u64, answered: bool) {
        let minute = stamp(millis);
        let slot = &self.0[minute as usize % MINUTES];
        let _ = slot.fetch_update(Relaxed, Relaxed, |word| {
            let (mut good, mut bad) = match word >> MINUTE_SHIFT == minute {
                true => (word & COUNT, word >> FAILED_SHIFT & COUNT),
                false => (0, 0),
            };
            let count = if answered { &mut good } else { &mut bad };
            *count = (*count + 1).min(COUNT);
            Some(minute << MINUTE_SHIFT | bad << FAILED_SHIFT | good)
        });
    }

    /// The last minutes up to `millis`, the oldest first.
    pub fn read(&self, millis: u64) -> [Minute; MINUTES] {
        let now = stamp(millis);
        std::array::from_fn(|index| {
            let back = (MINUTES - 1 - index) as u64;
            let Some(minute) = now.checked_sub(back) else {
                return Minute::default();
            };
            let word = self.0[minute as usize % MINUTES].load(Relaxed);
            match word != 0 && word >> MINUTE_SHIFT == minute {
                true => Minute {
                    answered: (word & COUNT) as u32,
                    failed: (word >> FAILED_SHIFT & COUNT) as u32,
                },
                false => Minute::default(),
            }
        })
    }
}

/// The minute's number; 0 is none.
pub(crate) fn stamp(millis: u64) -> u64 {
    (millis / 60_000 + 1) & (u64::MAX >> MINUTE_SHIFT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    #[test]
    fn each_minute_has_its_own_counts_and_old_ones_are_gone() {
        let minutes = Minutes::default();
        minutes.record(0, true);
        minutes.record(1, false);
        minutes.record(5 * MINUTE, true);
        let seen = minutes.read(5 * MINUTE + 10);
        assert_eq!(
            seen[MINUTES - 6],
            Minute {
                answered: 1,
                failed: 1
            }
        );
        assert_eq!(seen[MINUTES - 1].answered, 1);
        let later = minutes.read(29 * MINUTE);
        assert_eq!(later[0].failed, 1);
        let much_later = minutes.read(30 * MINUTE);
        assert_eq!(much_later[0], Minute::default());
        minutes.record(30 * MINUTE, true);
        assert_eq!(minutes.read(30 * MINUTE)[MINUTES - 1].failed, 0);
    }

    #[test]
    fn a_count_stops_at_its_bound_and_spills_nowhere() {
        let minutes = Minutes::default();
        for _ in 0..=COUNT {
            minutes.record(0, true);
        }
        minutes.record(0, true);
        let last = minutes.read(0)[MINUTES - 1];
        assert_eq!((u64::from(last.answered), last.failed), (COUNT, 0));
    }
}
