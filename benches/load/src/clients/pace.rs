//! When the next request is due.

use std::thread;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;

/// When clients ask.
pub(super) enum Pace {
    /// As soon as they have an answer.
    AsAnswered,
    /// When the next of these times has come.
    Due(Mutex<UnboundedReceiver<Instant>>),
}

impl Pace {
    /// So many requests a second, beginning now.
    pub(super) fn fixed(rate: u32) -> Self {
        let (due, times) = unbounded_channel();
        let between = Duration::from_secs(1) / rate.max(1);
        // A thread of its own: tokio's timers have the grain of a millisecond.
        thread::spawn(move || {
            let mut next = Instant::now();
            while due.send(next).is_ok() {
                next += between;
                thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        });
        Pace::Due(Mutex::new(times))
    }

    /// Waits for the next request, and tells when it was due, which may be a while ago.
    pub(super) async fn next(&self) -> Instant {
        match self {
            Pace::AsAnswered => Instant::now(),
            Pace::Due(times) => match times.lock().await.recv().await {
                Some(due) => due,
                None => std::future::pending().await,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_at_a_fixed_rate_are_due_in_equal_steps() {
        let pace = Pace::fixed(1000);
        let first = pace.next().await;
        pace.next().await;
        let third = pace.next().await;
        assert_eq!(third - first, Duration::from_millis(2));
    }
}
