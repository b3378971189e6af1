use std::future::Future;
use std::time::Duration;

use futures_util::TryFutureExt;
use tokio::time::{Instant, timeout_at};

/// A point in time that something must not outlive. Not a length: two waits under one deadline share what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

/// The deadline passed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

impl Deadline {
    /// `limit` from now.
    pub fn after(limit: Duration) -> Self {
        Deadline(Instant::now() + limit)
    }

    /// `by` later.
    pub fn later(self, by: Duration) -> Self {
        Deadline(self.0 + by)
    }

    /// What is left; zero when it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    pub fn passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// Waits for `work`, but not beyond this deadline.
    ///
    /// # Errors
    /// When the deadline passes first; `work` is dropped then.
    // No `async fn`: its future would hold the work twice, before it is polled and while it is.
    pub fn bound<F: Future>(self, work: F) -> impl Future<Output = Result<F::Output, Elapsed>> {
        timeout_at(self.0, work).map_err(|_| Elapsed)
    }
}
