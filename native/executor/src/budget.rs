//! How many same-candidate retries an API may make (`retry_budget`).
//!
//! Counted over the last ten to twenty seconds in two windows, so that a long healthy time does not save up a storm.
//! A request costs one atomic increment; the lock is taken by retries alone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use failover_policy::RetryBudget;
use failover_suspension::Moment;

const WINDOW: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Budget {
    requests: AtomicU64,
    windows: Mutex<Windows>,
}

#[derive(Debug)]
struct Windows {
    started: Moment,
    retries: u64,
    earlier_requests: u64,
    earlier_retries: u64,
}

impl Budget {
    pub(crate) fn new(now: Moment) -> Self {
        Budget {
            requests: AtomicU64::new(0),
            windows: Mutex::new(Windows {
                started: now,
                retries: 0,
                earlier_requests: 0,
                earlier_retries: 0,
            }),
        }
    }

    /// Counts a request that the share is taken of.
    pub(crate) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes one retry, if `limit` leaves one.
    pub(crate) fn take(&self, limit: RetryBudget, now: Moment) -> bool {
        let mut w = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let age = w.started.until(now);
        if age >= WINDOW {
            let requests = self.requests.swap(0, Ordering::Relaxed);
            let recent = age < 2 * WINDOW;
            w.earlier_requests = if recent { requests } else { 0 };
            w.earlier_retries = if recent { w.retries } else { 0 };
            w.retries = 0;
            w.started = now;
        }
        let requests = self.requests.load(Ordering::Relaxed) + w.earlier_requests;
        let allowed = limit.share * requests as f64 + limit.per_second * WINDOW.as_secs_f64();
        let taken = (w.retries + w.earlier_retries) as f64;
        let may = taken + 1.0 <= allowed;
        w.retries += u64::from(may);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: RetryBudget = RetryBudget {
        share: 0.2,
        per_second: 1.0,
    };

    #[test]
    fn a_storm_of_retries_is_held_to_the_share_plus_the_floor() {
        let budget = Budget::new(Moment(0));
        for _ in 0..1000 {
            budget.request();
        }
        let taken = (0..1000)
            .filter(|_| budget.take(DEFAULT, Moment(5)))
            .count();
        assert_eq!(taken, 210);
    }

    #[test]
    fn an_idle_api_has_the_floor_alone_however_long_it_was_healthy() {
        let budget = Budget::new(Moment(0));
        for _ in 0..100_000 {
            budget.request();
        }
        let later = Moment(3_600_000);
        let taken = (0..1000).filter(|_| budget.take(DEFAULT, later)).count();
        assert_eq!(taken, 10);
    }

    #[test]
    fn a_budget_of_nothing_allows_nothing() {
        let none = RetryBudget {
            share: 0.0,
            per_second: 0.0,
        };
        let budget = Budget::new(Moment(0));
        budget.request();
        assert!(!budget.take(none, Moment(0)));
    }
}
