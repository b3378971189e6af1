//! What all requests came to.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};

/// Times are kept to three digits, up to a minute; longer ones count as a minute. In nanoseconds.
const LONGEST: u64 = 60_000_000_000;

/// Collects what the clients report.
pub(super) struct Results(RefCell<Counts>);

struct Counts {
    counting: bool,
    times: Histogram<u64>,
    failures: BTreeMap<String, u64>,
}

impl Results {
    pub(super) fn new() -> Result<Self, CreationError> {
        Ok(Results(RefCell::new(Counts {
            counting: false,
            times: Histogram::new_with_bounds(1, LONGEST, 3)?,
            failures: BTreeMap::new(),
        })))
    }

    /// From now on requests count, or no longer.
    pub(super) fn count(&self, counting: bool) {
        self.0.borrow_mut().counting = counting;
    }

    /// A request is over, after so long.
    pub(super) fn ended(&self, took: Duration, end: Result<(), String>) {
        let mut counts = self.0.borrow_mut();
        if !counts.counting {
            return;
        }
        match end {
            Ok(()) => {
                let nanos = u64::try_from(took.as_nanos()).unwrap_or(LONGEST);
                counts.times.saturating_record(nanos);
            }
            Err(why) => *counts.failures.entry(why).or_default() += 1,
        }
    }

    /// Requests that counted and were answered as they should be.
    pub(super) fn answered(&self) -> u64 {
        self.0.borrow().times.len()
    }

    /// Why requests failed, and how many each.
    pub(super) fn failures(&self) -> Vec<(String, u64)> {
        self.0.borrow().failures.clone().into_iter().collect()
    }

    /// `requests_per_second,p50_us,p99_us,p999_us,failed,cpu_us_per_request` of requests that counted for `took`,
    /// while the process spent `cpu`.
    pub(super) fn line(&self, took: Duration, cpu: Option<Duration>) -> String {
        let counts = self.0.borrow();
        #[expect(clippy::cast_precision_loss, reason = "some millions of requests")]
        let (answered, failed) = (
            counts.times.len() as f64,
            counts.failures.values().sum::<u64>(),
        );
        let mut line = format!("{:.1}", answered / took.as_secs_f64());
        for quantile in [0.5, 0.99, 0.999] {
            #[expect(clippy::cast_precision_loss, reason = "up to a minute")]
            let micros = counts.times.value_at_quantile(quantile) as f64 / 1000.0;
            line += &format!(",{micros:.1}");
        }
        line += &format!(",{failed},");
        if let Some(cpu) = cpu.filter(|_| answered > 0.0) {
            line += &format!("{:.2}", cpu.as_secs_f64() * 1e6 / answered);
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_that_count_are_in_the_line() -> Result<(), CreationError> {
        let results = Results::new()?;
        results.ended(Duration::from_secs(9), Ok(()));
        results.count(true);
        for _ in 0..4 {
            results.ended(Duration::from_micros(100), Ok(()));
        }
        results.ended(Duration::ZERO, Err("status 503".into()));
        let line = results.line(Duration::from_secs(2), Some(Duration::from_micros(200)));
        assert_eq!(line, "2.0,100.0,100.0,100.0,1,50.00");
        Ok(())
    }
}
