//! What histograms have counted lately: what they had counted at the beginning of each of the last minutes is kept, and
//! taken off.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::histogram::{Buckets, Counted, Histogram};
use crate::minutes::stamp;

/// How many minutes are lately, the present one among them.
pub const LATELY: usize = 5;

#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    /// 0: none.
    minute: u64,
    durations: Buckets,
    first_chunks: Buckets,
}

/// The counts of two histograms at the beginning of the last minutes in which there was something to count.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    latest: AtomicU64,
    /// Taken by the first of a minute, and by who looks.
    marks: Mutex<[Mark; LATELY]>,
}

impl Recent {
    /// Something is about to be counted; `millis` by the clock of [`crate::Minutes`].
    pub(crate) fn counts(&self, millis: u64, durations: &Histogram, first_chunks: &Histogram) {
        let minute = stamp(millis);
        if self.latest.load(Relaxed) == minute || self.latest.swap(minute, Relaxed) == minute {
            return;
        }
        let mark = Mark {
            minute,
            durations: durations.buckets(),
            first_chunks: first_chunks.buckets(),
        };
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks[minute as usize % LATELY] = mark;
    }

    /// What of these counts came lately.
    pub(crate) fn of(
        &self,
        millis: u64,
        durations: &Counted,
        first_chunks: &Counted,
    ) -> (Counted, Counted) {
        let now = stamp(millis);
        let marks = *self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = |mark: &&Mark| mark.minute != 0 && mark.minute + LATELY as u64 > now;
        match marks.iter().filter(lately).min_by_key(|mark| mark.minute) {
            Some(mark) => (
                durations.since(&mark.durations),
                first_chunks.since(&mark.first_chunks),
            ),
            None => (Counted::default(), Counted::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MINUTE: u64 = 60_000;

    fn count(recent: &Recent, histogram: &Histogram, millis: u64) {
        recent.counts(millis, histogram, histogram);
        histogram.record(Duration::from_millis(80), None);
    }

    fn lately(recent: &Recent, histogram: &Histogram, millis: u64) -> u64 {
        let counted = histogram.read();
        recent.of(millis, &counted, &counted).0.count()
    }

    #[test]
    fn what_is_older_than_five_minutes_does_not_count() {
        let (recent, histogram) = (Recent::default(), Histogram::default());
        for minute in 0..10 {
            count(&recent, &histogram, minute * MINUTE);
            count(&recent, &histogram, minute * MINUTE + 30_000);
        }
        assert_eq!(lately(&recent, &histogram, 9 * MINUTE), 10);
        assert_eq!(lately(&recent, &histogram, 11 * MINUTE), 6);
        assert_eq!(lately(&recent, &histogram, 14 * MINUTE), 0);
        assert_eq!(lately(&recent, &histogram, 1000 * MINUTE), 0);
    }

    #[test]
    fn a_pause_leaves_out_what_was_before_it() {
        let (recent, histogram) = (Recent::default(), Histogram::default());
        count(&recent, &histogram, 0);
        count(&recent, &histogram, 100 * MINUTE);
        assert_eq!(lately(&recent, &histogram, 102 * MINUTE), 1);
    }
}
