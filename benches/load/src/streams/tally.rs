//! What all streams came to.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

/// Delays are kept to three digits, up to a minute; longer ones count as a minute.
const LONGEST: u64 = 60_000_000;

/// Collects what the streams report.
pub(crate) struct Tally(Mutex<Counts>);

struct Counts {
    measuring: bool,
    delays: Histogram<u64>,
    chunks: u64,
    whole: u64,
    lost: u64,
    reordered: u64,
    failures: BTreeMap<String, u64>,
}

impl Tally {
    pub(crate) fn new() -> Result<Self, hdrhistogram::CreationError> {
        Ok(Tally(Mutex::new(Counts {
            measuring: false,
            delays: Histogram::new_with_bounds(1, LONGEST, 3)?,
            chunks: 0,
            whole: 0,
            lost: 0,
            reordered: 0,
            failures: BTreeMap::new(),
        })))
    }

    fn with<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on delays count, or no longer.
    pub(crate) fn measure(&self, measuring: bool) {
        self.with(|counts| counts.measuring = measuring);
    }

    /// A chunk came, `micros` after it was sent.
    pub(crate) fn chunk(&self, micros: u64) {
        self.with(|counts| {
            counts.chunks += 1;
            if counts.measuring {
                counts.delays.saturating_record(micros);
            }
        });
    }

    /// Chunks that should have come before the one that came.
    pub(crate) fn lost(&self, chunks: u64) {
        self.with(|counts| counts.lost += chunks);
    }

    /// A chunk came after one that it should have come before.
    pub(crate) fn reordered(&self) {
        self.with(|counts| counts.reordered += 1);
    }

    /// A stream is over.
    pub(crate) fn ended(&self, end: Result<(), String>) {
        self.with(|counts| match end {
            Ok(()) => counts.whole += 1,
            Err(why) => *counts.failures.entry(why).or_default() += 1,
        });
    }

    /// Why streams failed, and how many each.
    pub(crate) fn failures(&self) -> Vec<(String, u64)> {
        self.with(|counts| counts.failures.clone().into_iter().collect())
    }

    /// `whole,failed,lost,reordered,chunks,p50,p90,p99,p999,max,cpu`: delays in microseconds, and so what a process took
    /// for each chunk while delays counted, if that is known.
    pub(crate) fn line(&self, cpu: Option<Duration>) -> String {
        self.with(|c| {
            let failed: u64 = c.failures.values().sum();
            let mut line = format!(
                "{},{failed},{},{},{}",
                c.whole, c.lost, c.reordered, c.chunks
            );
            for quantile in [0.5, 0.9, 0.99, 0.999, 1.0] {
                line += &format!(",{}", c.delays.value_at_quantile(quantile));
            }
            line.push(',');
            #[expect(clippy::cast_precision_loss, reason = "some millions of chunks")]
            let measured = c.delays.len() as f64;
            if let Some(cpu) = cpu.filter(|_| measured > 0.0) {
                line += &format!("{:.2}", cpu.as_secs_f64() * 1e6 / measured);
            }
            line
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_chunks_while_it_is_measured_count_for_the_cpu()
    -> Result<(), hdrhistogram::CreationError> {
        let tally = Tally::new()?;
        tally.chunk(9);
        tally.measure(true);
        tally.chunk(3);
        tally.chunk(3);
        tally.ended(Ok(()));
        let line = tally.line(Some(Duration::from_micros(50)));
        assert_eq!(line, "1,0,0,0,3,3,3,3,3,3,25.00");
        Ok(())
    }
}
