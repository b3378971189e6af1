//! What an outcome means for the candidate's other requests (`behaviour.md` §4).
//!
//! Three things are kept apart: what the provider said (evidence), whose fault that makes it (the outcome's row), and
//! what follows for others. A candidate that is to blame is suspended at once. One that may be gets a suspicion, which
//! lasts as long as the request goes on elsewhere: only when another candidate serves the very same request, and this
//! one serves nobody, was it the candidate. Everything else leaves a mark and no more, so that no request can take a
//! model from those whom it serves.

use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};
use std::time::Duration;

use failover_policy::Policy;
use failover_suspension::{Failure, Flowing, Ground, Moment, Suspected, Suspicion};
use once_cell::sync::Lazy;

use crate::candidate::{Admitted, CandidateState};
use crate::clock::Clock;
use crate::outcome::{Blame, Outcome};

/// What an attempt has done to its candidate.
#[derive(Debug, Default)]
pub(crate) struct Consequence {
    /// How long it is suspended for.
    pub(crate) suspended: Option<Duration>,
    /// Whether a suspension was lifted.
    pub(crate) lifted: bool,
    /// Whether it is suspected of a failure that may be the request's.
    pub(crate) suspicion: Option<Open>,
}

/// A suspicion that is not decided, and for how long the candidate is suspended if it is confirmed.
#[derive(Debug)]
pub(crate) struct Open {
    suspicion: Suspicion,
    length: Duration,
}

impl Open {
    /// Another candidate has served the request. Returns for how long this one is suspended from now on.
    pub(crate) fn confirm(self, now: Moment) -> Option<Duration> {
        self.suspicion
            .confirm(self.length)
            .map(|until| now.until(until))
    }
}

/// One attempt that has come to something.
pub(crate) struct Settling<'c> {
    pub(crate) policy: &'c Policy,
    pub(crate) clock: Clock,
    /// When the attempt began.
    pub(crate) began: Moment,
    pub(crate) outcome: Outcome,
    pub(crate) hint: Option<Duration>,
    /// Tells the request from others; see [`fingerprint`].
    pub(crate) request: &'c dyn Fn() -> u64,
}

impl Settling<'_> {
    /// Lets the candidate have what follows.
    pub(crate) fn settle(self, candidate: &CandidateState, admitted: &mut Admitted) -> Consequence {
        let permit = admitted.permit.take();
        let (settings, base) = (&self.policy.settings, self.policy.suspend_duration);
        let now = self.clock.now();
        let blame = match base.is_zero() {
            // No knowledge of failures is kept.
            true => Blame::Nobody,
            false => self.outcome.rule(settings).blame,
        };
        let length = |failed: u32| {
            let growth = settings.suspend_growth.powi(failed.min(64) as i32).min(1e6);
            let grown = base.mul_f64(growth).max(self.hint.unwrap_or_default());
            base.max(grown.min(settings.max_suspend))
        };
        let until = match (blame, permit) {
            (Blame::Nobody, permit) => {
                // An outcome that says nothing about the candidate gives the permit back by dropping it.
                let reached = self.outcome.reached();
                let lifted = permit.is_some_and(|p| reached && p.succeeded());
                return Consequence {
                    suspended: self.exhausted(candidate, now),
                    lifted,
                    suspicion: None,
                };
            }
            (blame, Some(permit)) => permit.failed_on(ground(blame), now, length),
            (Blame::Candidate, None) => suspended(candidate, blame, now.plus(length(0))),
            (Blame::Unsure, None) => {
                let failure = Failure {
                    began: self.began,
                    now,
                    request: (self.request)(),
                };
                match candidate.gate.suspect(failure) {
                    Suspected::Confirmed => suspended(candidate, blame, now.plus(length(0))),
                    Suspected::Open(suspicion) => {
                        return Consequence {
                            suspicion: Some(Open {
                                suspicion,
                                length: length(0),
                            }),
                            ..Consequence::default()
                        };
                    }
                }
            }
        };
        Consequence {
            suspended: Some(now.until(until)),
            ..Consequence::default()
        }
    }

    /// A good answer that leaves nothing of a limit suspends until the limit is reset.
    fn exhausted(&self, candidate: &CandidateState, now: Moment) -> Option<Duration> {
        let wait = self.hint.filter(|_| {
            self.outcome == Outcome::Answered && !self.policy.suspend_duration.is_zero()
        })?;
        let length = wait.min(self.policy.settings.max_suspend);
        candidate.gate.suspend(now.plus(length));
        Some(length)
    }
}

fn suspended(candidate: &CandidateState, blame: Blame, until: Moment) -> Moment {
    candidate.gate.suspend_on(ground(blame), until);
    until
}

/// What other gateways are to make of it: only what the provider has said holds for them too.
fn ground(blame: Blame) -> Ground {
    match blame {
        Blame::Candidate => Ground::Said,
        Blame::Unsure | Blame::Nobody => Ground::Inferred,
    }
}

/// A stream that a candidate is sending: an answer to somebody as long as it flows, and one that was given when it
/// ends or its client leaves.
#[derive(Debug)]
pub(crate) struct Streaming<'s> {
    candidate: &'s CandidateState,
    clock: Clock,
    flowing: Option<Flowing>,
}

impl<'s> Streaming<'s> {
    pub(crate) fn new(candidate: &'s CandidateState, clock: Clock) -> Self {
        Streaming {
            candidate,
            clock,
            flowing: Some(candidate.gate.flows()),
        }
    }

    /// It broke: no answer.
    pub(crate) fn broke(mut self) {
        self.flowing = None;
    }
}

impl Drop for Streaming<'_> {
    fn drop(&mut self) {
        if self.flowing.take().is_some() {
            self.candidate.gate.answered(self.clock.now());
        }
    }
}

/// The most of a request that is looked at, from each end.
const LOOKED_AT: usize = 64 * 1024;

/// Tells one request from another; the same for the same body, sent again. Nobody outside can tell which bodies have
/// the same. `shared`: what gateways that share suspensions tell them apart by, so that a request which its client
/// sends again to another one is the same there; 0: this gateway is alone.
pub(crate) fn fingerprint(body: &[u8], shared: u64) -> u64 {
    static KEYS: Lazy<RandomState> = Lazy::new(RandomState::new);
    let mut hasher = match shared {
        0 => KEYS.build_hasher(),
        // The same in every process of one version of the library.
        shared => {
            let mut hasher = DefaultHasher::new();
            hasher.write_u64(shared);
            hasher
        }
    };
    hasher.write_usize(body.len());
    hasher.write(&body[..body.len().min(LOOKED_AT)]);
    hasher.write(&body[body.len().saturating_sub(LOOKED_AT)..]);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateways_with_the_same_key_tell_requests_apart_in_the_same_way() {
        let (one, other) = (b"{\"n\":1}", b"{\"n\":2}");
        assert_eq!(fingerprint(one, 7), fingerprint(one, 7));
        assert_ne!(fingerprint(one, 7), fingerprint(other, 7));
        assert_ne!(fingerprint(one, 7), fingerprint(one, 8));
        assert_ne!(fingerprint(one, 7), fingerprint(one, 0));
    }
}
