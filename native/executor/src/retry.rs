//! When the same candidate is tried again.

use std::time::Duration;

use failover_policy::Settings;
use http::StatusCode;

use crate::outcome::Outcome;

/// The tries on one candidate after the first.
#[derive(Debug)]
pub(crate) struct Retries {
    made: u32,
    /// Longest wait before the next one.
    backoff: Duration,
    /// How long its own Retry-After has been waited out in all.
    waited_out: Duration,
}

impl Retries {
    pub(crate) fn new(settings: &Settings) -> Self {
        Retries {
            made: 0,
            backoff: settings.retry_backoff,
            waited_out: Duration::ZERO,
        }
    }

    /// How long to wait before the candidate is tried again; `None`: it is not. `last`: no other could take over.
    pub(crate) fn wait(
        &self,
        settings: &Settings,
        outcome: Outcome,
        retry_after: Option<Duration>,
        last: bool,
    ) -> Option<Duration> {
        let limited = matches!(
            outcome,
            Outcome::Limited(Some(
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
            ))
        );
        let allowed = settings.target_retries.max(u32::from(last));
        let retried = self.made < allowed && outcome.may_be_retried();
        match retry_after {
            // The provider said when to come back: that is waited out, or it is not asked again. In all no longer
            // than set, so that one that always says "in a second" does not keep the client from a fallback.
            Some(wait) => ((limited || retried)
                && self.waited_out.saturating_add(wait) <= settings.max_retry_after_wait)
                .then_some(wait),
            None => retried.then(|| self.backoff.mul_f64(fastrand::f64())),
        }
    }

    /// It is tried again after this wait.
    pub(crate) fn made(&mut self, wait: Duration, retry_after: Option<Duration>) {
        self.made += 1;
        self.backoff = self.backoff.saturating_mul(2);
        if retry_after.is_some() {
            self.waited_out += wait;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Option<Duration> = Some(Duration::from_secs(1));

    fn limited() -> Outcome {
        Outcome::Limited(Some(StatusCode::TOO_MANY_REQUESTS))
    }

    #[test]
    fn a_blip_is_retried_as_often_as_set_and_once_when_nobody_is_left() {
        let settings = Settings::default();
        let mut retries = Retries::new(&settings);
        let blip = Outcome::Unavailable(StatusCode::BAD_GATEWAY);
        let wait = retries.wait(&settings, blip, None, false).unwrap();
        assert!(wait <= settings.retry_backoff);
        retries.made(wait, None);
        assert_eq!(retries.wait(&settings, blip, None, false), None);
        let never = Settings {
            target_retries: 0,
            ..Settings::default()
        };
        let retries = Retries::new(&never);
        assert_eq!(retries.wait(&never, blip, None, false), None);
        assert!(retries.wait(&never, blip, None, true).is_some());
    }

    #[test]
    fn a_short_retry_after_is_waited_out_and_all_of_them_together_are_short() {
        let settings = Settings::default();
        let mut retries = Retries::new(&settings);
        for _ in 0..2 {
            assert_eq!(retries.wait(&settings, limited(), SECOND, false), SECOND);
            retries.made(Duration::from_secs(1), SECOND);
        }
        assert_eq!(retries.wait(&settings, limited(), SECOND, false), None);
    }

    #[test]
    fn who_asks_for_a_longer_wait_is_not_asked_again() {
        let settings = Settings::default();
        let retries = Retries::new(&settings);
        let long = Some(Duration::from_secs(60));
        assert_eq!(retries.wait(&settings, limited(), long, true), None);
        assert_eq!(retries.wait(&settings, limited(), None, true), None);
    }
}
