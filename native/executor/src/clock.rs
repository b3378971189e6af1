use failover_suspension::Moment;
use tokio::time::Instant;

/// The monotonic clock of a gateway: milliseconds since it was made. Virtual in tests, because tokio's is.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    epoch: Instant,
}

impl Default for Clock {
    fn default() -> Self {
        Clock {
            epoch: Instant::now(),
        }
    }
}

impl Clock {
    /// The present moment.
    pub fn now(&self) -> Moment {
        let elapsed = self.epoch.elapsed().as_millis();
        Moment(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }
}
