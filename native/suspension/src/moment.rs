use std::time::Duration;

/// A point in monotonic time: milliseconds since an epoch that the client chose and keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

impl Moment {
    /// This moment, `by` later; part milliseconds are rounded up, so that nothing ends early.
    pub fn plus(self, by: Duration) -> Moment {
        let millis = by.as_nanos().div_ceil(1_000_000);
        Moment(
            self.0
                .saturating_add(u64::try_from(millis).unwrap_or(u64::MAX)),
        )
    }

    /// How long until `later`; zero when it is past.
    pub fn until(self, later: Moment) -> Duration {
        Duration::from_millis(later.0.saturating_sub(self.0))
    }
}
