//! Durations, counted in buckets.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use serde::Serialize;

/// The upper bounds of the buckets, in seconds: from the time between two chunks to the longest answer.
pub const BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
];

/// The same in microseconds.
const MICROS: [u64; 14] = [
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    120_000_000,
];

/// One more for what is longer than all bounds.
const BUCKETS: usize = BOUNDS.len() + 1;

/// The id of a trace (W3C Trace Context), never 0.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TraceId(u128);

impl TraceId {
    /// The trace that a `traceparent` names: `00-<32 hexadecimal digits>-<16>-<2>`. `None` for anything else.
    pub fn of_traceparent(header: &str) -> Option<TraceId> {
        let mut parts = header.split('-');
        let (version, trace) = (parts.next()?, parts.next()?);
        let hexadecimal = |s: &str| s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let whole = version.len() == 2 && trace.len() == 32 && parts.next()?.len() == 16;
        let valid = whole && hexadecimal(version) && version != "ff" && hexadecimal(trace);
        let id = u128::from_str_radix(trace, 16).ok()?;
        (valid && id != 0).then_some(TraceId(id))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A duration that was counted in a bucket, and the trace that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exemplar {
    /// The trace.
    pub trace: TraceId,
    /// The duration, in seconds.
    pub seconds: f64,
    /// When it was counted.
    pub at: SystemTime,
}

pub(crate) type Buckets = [u64; BUCKETS];

type Exemplars = [Mutex<Option<Exemplar>>; BUCKETS];

/// How many durations were how long. Counting one is two additions; with a trace also an exemplar, whose lock is not
/// waited for.
#[derive(Default)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    micros: AtomicU64,
    /// Made when the first trace is known.
    exemplars: OnceLock<Box<Exemplars>>,
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read().fmt(f)
    }
}

impl Histogram {
    /// Counts one.
    pub fn record(&self, duration: Duration, trace: Option<TraceId>) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = MICROS.partition_point(|bound| *bound < micros);
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.micros.fetch_add(micros, Relaxed);
        if let Some(trace) = trace {
            let exemplars = self.exemplars.get_or_init(Box::default);
            if let Ok(mut exemplar) = exemplars[bucket].try_lock() {
                *exemplar = Some(Exemplar {
                    trace,
                    seconds: duration.as_secs_f64(),
                    at: SystemTime::now(),
                });
            }
        }
    }

    pub(crate) fn buckets(&self) -> Buckets {
        std::array::from_fn(|bucket| self.buckets[bucket].load(Relaxed))
    }

    /// What was counted so far.
    pub fn read(&self) -> Counted {
        let exemplars = self.exemplars.get();
        let exemplar = |bucket: usize| *exemplars?[bucket].try_lock().ok()?;
        Counted {
            buckets: self.buckets(),
            seconds: self.micros.load(Relaxed) as f64 / 1e6,
            exemplars: std::array::from_fn(exemplar),
        }
    }
}

/// What a histogram has counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Counted {
    /// How many fell between the bound before and this one ([`BOUNDS`]); the last are longer than all bounds.
    pub buckets: [u64; BUCKETS],
    /// All of them together, in seconds.
    pub seconds: f64,
    /// One of each bucket.
    #[serde(skip)]
    pub exemplars: [Option<Exemplar>; BUCKETS],
}

impl Counted {
    /// How many.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// What came after `before` was counted, without sum and exemplars.
    pub(crate) fn since(&self, before: &Buckets) -> Counted {
        let new = |bucket: usize| self.buckets[bucket].saturating_sub(before[bucket]);
        Counted {
            buckets: std::array::from_fn(new),
            ..Counted::default()
        }
    }

    /// The duration that a share of them does not exceed, in seconds, as straight as the buckets are wide; beyond the
    /// last bound that bound. `None`: nothing was counted.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = share * count as f64;
        let mut below = 0.0;
        let mut from = 0.0;
        for (bucket, to) in self.buckets.iter().zip(BOUNDS) {
            let here = *bucket as f64;
            if here > 0.0 && below + here >= rank {
                return Some(from + (to - from) * ((rank - below) / here).clamp(0.0, 1.0));
            }
            below += here;
            from = to;
        }
        Some(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_the_same_in_both_units() {
        for (seconds, micros) in BOUNDS.into_iter().zip(MICROS) {
            assert_eq!((seconds * 1e6).round() as u64, micros);
        }
    }

    #[test]
    fn a_duration_is_counted_in_the_first_bucket_that_it_fits_into() {
        let histogram = Histogram::default();
        for millis in [5, 6, 120_000, 120_001] {
            histogram.record(Duration::from_millis(millis), None);
        }
        let counted = histogram.read();
        assert_eq!(counted.buckets[..2], [1, 1]);
        assert_eq!(counted.buckets[13..], [1, 1]);
        assert_eq!(counted.count(), 4);
        assert!((counted.seconds - 240.012).abs() < 1e-9);
    }

    #[test]
    fn a_quantile_lies_in_the_bucket_that_holds_it() {
        let histogram = Histogram::default();
        assert_eq!(histogram.read().quantile(0.5), None);
        for _ in 0..90 {
            histogram.record(Duration::from_millis(80), None);
        }
        for _ in 0..10 {
            histogram.record(Duration::from_secs(20), None);
        }
        let counted = histogram.read();
        let median = counted.quantile(0.5).unwrap();
        assert!((0.05..=0.1).contains(&median), "{median}");
        let high = counted.quantile(0.99).unwrap();
        assert!((10.0..=30.0).contains(&high), "{high}");
        histogram.record(Duration::from_secs(100_000), None);
        assert_eq!(histogram.read().quantile(1.0), Some(120.0));
    }

    #[test]
    fn an_exemplar_is_kept_where_a_trace_is_known() {
        let histogram = Histogram::default();
        let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = TraceId::of_traceparent(header);
        histogram.record(Duration::from_millis(7), trace);
        let exemplar = histogram.read().exemplars[1].unwrap();
        assert_eq!(
            exemplar.trace.to_string(),
            "4bf92f3577b34da6a3ce929d0e0e4736"
        );
    }

    #[test]
    fn what_names_no_trace_is_none() {
        for header in [
            "",
            "00",
            "00-0-0-0",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736",
        ] {
            assert_eq!(TraceId::of_traceparent(header), None, "{header}");
        }
    }
}
